import { KasaneError, RandomGenerator, rl } from "kasane";
import { SaxesParser } from "saxes";
import { describe, expect, test } from "vitest";

/** The elements of an XML text, by name; throws where it is none. */
function elements(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name }) => counts.set(name, (counts.get(name) ?? 0) + 1));
  parser.write(text).close();
  return counts;
}

const square = (left: number): rl.Picture => ({
  width: 10,
  height: 5,
  shapes: [
    {
      kind: "line",
      points: [
        [0, 4],
        [10, 4],
      ],
      colour: "#999999",
      width: 0.1,
    },
    rl.rectangle(left, 1, 2, 2, "#0072b2"),
    { kind: "text", at: [5, 2], text: "<&>", size: 1, colour: "#222222" },
  ],
});

describe("drawFrames", () => {
  test("shows pictures one after the other, and draws once what they begin with", () => {
    const drawn = rl.drawFrames([square(1), square(2), square(3)], {
      title: "a < b",
      framesPerSecond: 2,
      width: 100,
      captions: ["0", "1 & 2", "3"],
    });
    const counts = elements(drawn);
    expect([counts.get("g"), counts.get("animate")]).toEqual([3, 3]);
    // The line, once, and three squares.
    expect(counts.get("path")).toBe(4);
    expect(drawn).toContain("<title>a &lt; b</title>");
    // Two half seconds, and one for the last picture.
    expect(drawn).toContain('values="inline;none" keyTimes="0;0.25" dur="2.000s"');
    expect(drawn).toContain('values="none;inline;none" keyTimes="0;0.25;0.5"');
    expect(drawn).toContain('values="none;inline" keyTimes="0;0.5"');
    expect(drawn).toContain('viewBox="0 0 100 76"');
  });

  test("one picture does not move", () => {
    const counts = elements(rl.drawFrames([square(1)], { title: "one" }));
    expect([counts.get("animate"), counts.get("text")]).toEqual([undefined, 1]);
    expect(() => rl.drawFrames([], { title: "none" })).toThrow(new KasaneError("drawFrames: got no pictures, expected one or more"));
  });
});

describe("every environment", () => {
  test.each([
    () => new rl.Acrobot(),
    () => new rl.Bandit(),
    () => new rl.Blackjack(),
    () => new rl.CartPole(),
    () => new rl.CliffWalking(),
    () => new rl.FrozenLake(),
    () => new rl.MountainCar(),
    () => new rl.MountainCarContinuous(),
    () => new rl.Pendulum(),
    () => new rl.Taxi(),
    () => new rl.Asterix(),
    () => new rl.Breakout(),
    () => new rl.Freeway(),
    () => new rl.Seaquest(),
    () => new rl.SpaceInvaders(),
  ])("%# draws itself, otherwise after steps", (make) => {
    const environment: rl.Environment & rl.Drawable = make();
    const pictures = [];
    const texts = new Set<string>();
    const draws = new RandomGenerator();
    environment.reset(3);
    const action = new Float32Array(1);
    for (let i = 0; i < 30 && !environment.ended; i++) {
      pictures.push(environment.draw());
      texts.add(rl.textOf(environment));
      rl.drawAction(environment.actionSpace, draws, action);
      environment.step(environment.actionSpace instanceof rl.Discrete ? (action[0] as number) : action);
    }
    expect(elements(rl.drawFrames(pictures, { title: environment.name })).get("svg")).toBe(1);
    if (!(environment instanceof rl.Bandit || pictures.length < 3)) expect(texts.size).toBeGreaterThan(1);
    expect([...texts].every((text) => text.trim().length > 0)).toBe(true);
  });

  test("a grid marks where the agent is", () => {
    const lake = new rl.FrozenLake({ slippery: false });
    lake.reset();
    lake.step(2);
    expect(rl.textOf(lake).split("\n")[0]).toBe(" S [F] F  F ");
  });

  test("a line is drawn in braille dots", () => {
    const picture: rl.Picture = {
      width: 4,
      height: 4,
      shapes: [
        {
          kind: "line",
          points: [
            [0, 0],
            [4, 0],
          ],
          colour: "#000000",
          width: 1,
        },
      ],
    };
    expect(rl.drawText(picture, 4)).toBe("⠉⠉⠉⠉\n");
  });
});
