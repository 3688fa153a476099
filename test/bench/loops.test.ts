import { compile, nn, optim, seed, type Tensor, tensor } from "kasane";
import { describe, expect, test } from "vitest";
import { BinaryAddition, SinePrediction, type Weights } from "../../bench/peers/loops.js";

async function weightsOf(rnn: nn.Rnn, out: nn.Linear): Promise<Weights> {
  const [input, hidden, output] = await Promise.all([...rnn.parameters(), ...out.parameters()].map((x) => x.data()));
  return { input, hidden, output } as Weights;
}

function expectClose(got: Weights, expected: Weights): void {
  for (const part of ["input", "hidden", "output"] as const) {
    got[part].forEach((x, i) => expect(Math.abs(x - (expected[part][i] as number))).toBeLessThan(1e-4));
  }
}

describe.each(["wasm", "onnxruntime"] as const)(
  "loops by hand do the arithmetic of Kasane's step, run by %s: to 1e-4 after 20 updates",
  (executor) => {
    test("binary addition", async () => {
      seed(4);
      const rnn = new nn.Rnn(2, 16, { activation: "sigmoid", bias: false });
      const out = new nn.Linear(16, 1, { bias: false });
      const optimizer = new optim.Sgd([...rnn.parameters(), ...out.parameters()], { learningRate: 0.1 });
      const step = compile(
        ({ bits, sum }: { bits: Tensor; sum: Tensor }) => {
          const loss = out.forward(rnn.forward(bits).outputs).sigmoid().sub(sum).square().sum().mul(0.5);
          optimizer.minimize(loss);
          return loss;
        },
        { training: true, executor },
      );
      const peer = new BinaryAddition(await weightsOf(rnn, out));
      for (let i = 0; i < 20; i++) {
        const [bits, sum] = [
          Float32Array.from({ length: 16 }, (_, k) => ((i * 7 + k * 5) >> 1) & 1),
          new Float32Array(8).map((_, k) => (i + k) & 1),
        ];
        const loss = await (await step({ bits: tensor(bits, { shape: [8, 1, 2] }), sum: tensor(sum, { shape: [8, 1, 1] }) })).item();
        expect(Math.abs(peer.step(bits, sum) - loss)).toBeLessThan(1e-4);
      }
      expectClose(peer.weights, await weightsOf(rnn, out));
    });

    test("sine prediction", async () => {
      seed(5);
      const rnn = new nn.Rnn(1, 5, { bias: false });
      const out = new nn.Linear(5, 1, { bias: false });
      const optimizer = new optim.Sgd([...rnn.parameters(), ...out.parameters()], { learningRate: 0.1 });
      const step = compile(
        ({ window, target }: { window: Tensor; target: Tensor }) => {
          const loss = out
            .forward(rnn.forward(window).state.hidden.reshape([-1, 5]))
            .meanSquaredError(target)
            .mul(0.5);
          optimizer.minimize(loss);
          return loss;
        },
        { training: true, executor },
      );
      const peer = new SinePrediction(await weightsOf(rnn, out));
      for (let i = 0; i < 20; i++) {
        const curve = Float32Array.from({ length: 3 }, (_, k) => Math.sin((i + k) / 4));
        const window = tensor(curve.slice(0, 2), { shape: [2, 1, 1] });
        const loss = await (await step({ window, target: tensor(curve.slice(2), { shape: [1, 1] }) })).item();
        expect(Math.abs(peer.step(curve, 0, curve[2] as number) - loss)).toBeLessThan(1e-4);
      }
      expectClose(peer.weights, await weightsOf(rnn, out));
    });
  },
);
