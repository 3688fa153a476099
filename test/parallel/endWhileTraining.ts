import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { compile, nn, optim, type Tensor, tensor } from "kasane";

// Trains until it is ended: by a second interrupt, with exit code 130, or where "thread" is named, in a thread that is terminated after some steps.

async function train(onStep: (count: number) => void): Promise<never> {
  const model = new nn.Linear(512, 512);
  const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
  const step = compile(
    (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 5; i++) y = model.forward(y).tanh();
      optimizer.minimize(y.square().mean());
    },
    { training: true, workers: Number(process.argv[3]) },
  );
  const x = tensor(new Float32Array(512 * 512).fill(1), { shape: [512, 512] });
  for (let count = 1; ; count++) {
    await step(x);
    onStep(count);
    // Signals come between steps.
    await new Promise(setImmediate);
  }
}

if (!isMainThread) await train((count) => count === 3 && parentPort?.postMessage("trains"));
else if (process.argv[2] === "thread") {
  const start = `import("tsx/esm/api").then((tsx) => { tsx.register(); return import(${JSON.stringify(import.meta.url)}); })`;
  const worker = new Worker(start, { eval: true, argv: process.argv.slice(2) });
  worker.once("message", () => setTimeout(async () => console.log("ended", await worker.terminate()), 50));
} else {
  let interrupts = 0;
  process.on("SIGINT", () => {
    if (++interrupts === 2) process.exit(130);
  });
  await train((count) => count === 3 && console.log("trains"));
}
