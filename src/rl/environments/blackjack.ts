import { checkChoice, checkOptions } from "../../graph/options.js";
import { Environment, type EnvironmentOptions } from "../environment.js";
import type { Drawable, Picture } from "../picture.js";
import { Discrete, MultiDiscrete } from "../space.js";

/** The parts of the state: of both hands the sum with aces as 1, whether there is an ace, and the number of cards; then the dealer's first card. */
const [player, dealer, shownAt] = [0, 3, 6];

/** Options of {@link Blackjack}. */
export interface BlackjackOptions extends EnvironmentOptions {
  /** What an ace with a ten as the first two cards is worth: no more than any 21, 1.5 where it wins, or a sure win against any other hand. */
  readonly natural?: "plain" | "bonus" | "wins";
}

/**
 * A game of cards against a dealer: the player sticks (0) or takes a card (1), and tries to come closer to 21 than the dealer, who takes cards up to
 * 17, and not above it. The reward is 1, 0 or -1. Observations are the player's sum, the dealer's first card (1 for an ace) and whether an ace
 * counts as 11. Cards are drawn with replacement. Sutton and Barto (2018), Reinforcement Learning, example 5.1; Gymnasium's `Blackjack-v1`.
 */
export class Blackjack extends Environment<number> implements Drawable {
  readonly observationSpace = new MultiDiscrete([32, 11, 2]);
  readonly actionSpace = new Discrete(2);
  private readonly natural: NonNullable<BlackjackOptions["natural"]>;

  constructor(options: BlackjackOptions = {}) {
    checkOptions<BlackjackOptions>("Blackjack", options, { natural: "optional", maxSteps: "optional" });
    super("Blackjack", 7, options.maxSteps);
    checkChoice("Blackjack", "natural", options.natural, ["plain", "bonus", "wins"]);
    this.natural = options.natural ?? "plain";
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[shownAt] = this.deal(dealer);
    this.deal(dealer);
    this.deal(player);
    this.deal(player);
  }

  protected advance(action: number): number {
    if (action === 1) {
      this.deal(player);
      if (this.sum(player) <= 21) return 0;
      this.terminate();
      return -1;
    }
    this.terminate();
    while (this.sum(dealer) < 17) this.deal(dealer);
    const reward = Math.sign(this.score(player) - this.score(dealer));
    if (!this.isNatural(player)) return reward;
    if (this.natural === "wins") return this.isNatural(dealer) ? reward : 1;
    return this.natural === "bonus" && reward === 1 ? 1.5 : reward;
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = this.sum(player);
    into[at + 1] = this.state[shownAt] as number;
    into[at + 2] = this.hasUsableAce(player) ? 1 : 0;
  }

  draw(): Picture {
    const lines = this.text().split("\n");
    const shapes = lines.map((text, i) => ({ kind: "text", at: [6, 1 + i], text, size: 0.6, colour: "#222222" }) as const);
    return { width: 12, height: lines.length + 1, shapes };
  }

  text(): string {
    const { state } = this;
    const hand = (at: number) => `${this.sum(at)}${this.hasUsableAce(at) ? " with an ace as 11" : ""}, ${state[at + 2]} cards`;
    const dealt = this.ended ? hand(dealer) : `shows ${state[shownAt] === 1 ? "an ace" : state[shownAt]}`;
    return `dealer: ${dealt}\nplayer: ${hand(player)}`;
  }

  /** Gives a hand a card; ten and the three court cards are 10. */
  private deal(hand: number): number {
    const { state } = this;
    const card = Math.min(this.random.integer(13) + 1, 10);
    state[hand] = (state[hand] as number) + card;
    if (card === 1) state[hand + 1] = 1;
    state[hand + 2] = (state[hand + 2] as number) + 1;
    return card;
  }

  private hasUsableAce(hand: number): boolean {
    return this.state[hand + 1] === 1 && (this.state[hand] as number) <= 11;
  }

  private sum(hand: number): number {
    return (this.state[hand] as number) + (this.hasUsableAce(hand) ? 10 : 0);
  }

  /** The sum, or 0 above 21. */
  private score(hand: number): number {
    const sum = this.sum(hand);
    return sum > 21 ? 0 : sum;
  }

  private isNatural(hand: number): boolean {
    return this.state[hand + 2] === 2 && this.sum(hand) === 21;
  }
}
