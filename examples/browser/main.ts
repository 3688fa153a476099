// Digits of a visitor's own: a small convolutional network learns them in a worker of the page, and names the next one as it is drawn.
// This file is both the page and its worker. Run: npx vite examples/browser
import { compile, nn, optim, seed, setThreads, type Tensor, tensor } from "kasane";

const side = 28;
const classes = 10;
const batch = 16;
/** Steps after each new example. */
const stepsAfter = 80;
/** Steps between two looks at what else was asked. */
const stepsAtOnce = 4;

interface Example {
  readonly pixels: readonly number[];
  readonly label: number;
}

type Request =
  | { readonly ask: "restore"; readonly weights: Weights }
  | { readonly ask: "learn"; readonly examples: readonly Example[] }
  | { readonly ask: "guess"; readonly pixels: readonly number[] };
type Answer =
  | { readonly says: "loss"; readonly loss: number }
  | { readonly says: "learnt"; readonly weights: Weights; readonly count: number }
  | { readonly says: "guess"; readonly probabilities: readonly number[] };
type Weights = Readonly<Record<string, readonly number[]>>;

/** Two convolutions of stride 2 and a layer: 1,568 numbers to ten. */
class Network extends nn.Module {
  readonly first = new nn.Conv2d(1, 8, 5, { stride: 2, padding: 2 });
  readonly second = new nn.Conv2d(8, 16, 5, { stride: 2, padding: 2 });
  readonly last = new nn.Linear(16 * 7 * 7, classes);

  /** `[batch, 1, 28, 28]`, 0 to 1, to logits `[batch, 10]`. */
  forward(x: Tensor): Tensor {
    const features = this.second.forward(this.first.forward(x).relu()).relu();
    return this.last.forward(features.reshape([x.shape[0] as number, -1]));
  }
}

/** What the worker does: one request after the other, of a long one a part at a time. */
function work(): void {
  setThreads(1);
  seed(0);
  const network = new Network();
  const optimizer = new optim.Adam(network, { learningRate: 0.002 });
  const step = compile(
    (x: Tensor, labels: Tensor) => {
      const loss = network.forward(x).crossEntropy(labels);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  const guess = compile((x: Tensor) => network.forward(x).softmax({ axis: -1 }));
  const answer = (message: Answer) => postMessage(message);

  let examples: readonly Example[] = [];
  let left = 0;
  async function learn(): Promise<void> {
    for (let k = 0; k < stepsAtOnce && left > 0; k++, left--) {
      const chosen = Array.from({ length: batch }, () => examples[Math.floor(Math.random() * examples.length)] as Example);
      const x = tensor(Float32Array.from(chosen.flatMap(({ pixels }) => moved(pixels))), { shape: [batch, 1, side, side] });
      const loss = await step(x, tensor(Int32Array.from(chosen, ({ label }) => label)));
      answer({ says: "loss", loss: await loss.item() });
    }
    if (left > 0) then(learn);
    else answer({ says: "learnt", weights: await weightsOf(network), count: examples.length });
  }

  async function handle(request: Request): Promise<void> {
    if (request.ask === "guess") {
      const probabilities = await guess(tensor(Float32Array.from(request.pixels), { shape: [1, 1, side, side] }));
      answer({ says: "guess", probabilities: Array.from((await probabilities.data()) as Float32Array) });
    } else if (request.ask === "restore") {
      for (const [name, variable] of network.namedVariables())
        await variable.assign(tensor(Float32Array.from(request.weights[name] ?? []), { shape: variable.shape }));
    } else {
      examples = request.examples;
      const isLearning = left > 0;
      left = examples.length === 0 ? 0 : stepsAfter;
      if (!isLearning && left > 0) then(learn);
    }
  }

  let last = Promise.resolve();
  const then = (next: () => Promise<void>): void => {
    last = last.then(next);
  };
  addEventListener("message", ({ data }: MessageEvent<Request>) => then(() => handle(data)));
}

/** A picture moved by up to two pixels each way: few drawings stand for many. */
function moved(pixels: readonly number[]): number[] {
  const [dx, dy] = [Math.floor(Math.random() * 5) - 2, Math.floor(Math.random() * 5) - 2];
  return pixels.map((_, i) => {
    const [x, y] = [(i % side) - dx, Math.floor(i / side) - dy];
    return x >= 0 && x < side && y >= 0 && y < side ? (pixels[y * side + x] as number) : 0;
  });
}

async function weightsOf(network: Network): Promise<Weights> {
  const state = await network.stateDict();
  const rounded = (values: ArrayLike<number>) => Array.from(values, (value) => Math.round(value * 1e5) / 1e5);
  return Object.fromEntries([...state].map(([name, { data }]) => [name, rounded(data as Float32Array)]));
}

/** What the page does: drawing, showing, and keeping examples and weights in the browser's storage. */
function show(): void {
  const element = <Kind extends Element>(id: string) => document.getElementById(id) as unknown as Kind;
  const drawing = element<HTMLCanvasElement>("drawing");
  const pen = drawing.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  const kept = <Value>(name: string, otherwise: Value): Value => JSON.parse(localStorage.getItem(name) ?? "null") ?? otherwise;
  const examples = kept<Example[]>("examples", []);
  let losses: number[] = [];
  let isDrawn = false;

  const worker = new Worker(import.meta.url, { type: "module" });
  const ask = (request: Request) => worker.postMessage(request);
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (data.says === "loss") drawCurve(losses.push(data.loss));
    else if (data.says === "learnt") {
      localStorage.setItem("weights", JSON.stringify(data.weights));
      // An example that came meanwhile is being learnt from.
      if (data.count === examples.length) showStatus("learnt");
      guess();
    } else if (isDrawn && examples.length > 0) {
      const best = data.probabilities.indexOf(Math.max(...data.probabilities));
      element("guess").textContent = `This looks like ${best} (${Math.round(100 * (data.probabilities[best] as number))} %)`;
    }
  };
  worker.onerror = ({ message }) => {
    element("status").textContent = `The worker failed: ${message}`;
  };
  const showStatus = (state: string) => {
    element("status").textContent = `${examples.length} examples, ${state}`;
  };

  function guess(): void {
    if (isDrawn) ask({ ask: "guess", pixels: pixelsOf(drawing) });
  }
  function clear(): void {
    pen.clearRect(0, 0, drawing.width, drawing.height);
    isDrawn = false;
  }
  function learn(label: number): void {
    if (!isDrawn) return;
    examples.push({ pixels: pixelsOf(drawing).map((value) => Math.round(value * 100) / 100), label });
    localStorage.setItem("examples", JSON.stringify(examples));
    ask({ ask: "learn", examples });
    showStatus("learning");
    clear();
  }

  let from: { x: number; y: number } | undefined;
  const placeOf = ({ offsetX, offsetY }: PointerEvent) => {
    const scale = drawing.width / drawing.clientWidth;
    return { x: offsetX * scale, y: offsetY * scale };
  };
  drawing.onpointerdown = (event) => {
    drawing.setPointerCapture(event.pointerId);
    from = placeOf(event);
  };
  drawing.onpointermove = (event) => {
    if (!from) return;
    const to = placeOf(event);
    Object.assign(pen, { strokeStyle: "#fff", lineWidth: 20, lineCap: "round" });
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    [from, isDrawn] = [to, true];
  };
  drawing.onpointerup = () => {
    from = undefined;
    guess();
  };

  for (let label = 0; label < classes; label++) {
    const button = document.createElement("button");
    button.textContent = String(label);
    button.onclick = () => learn(label);
    element("labels").append(button);
  }
  element<HTMLButtonElement>("clear").onclick = clear;
  element<HTMLButtonElement>("forget").onclick = () => {
    localStorage.clear();
    location.reload();
  };

  function drawCurve(count: number): void {
    const canvas = element<HTMLCanvasElement>("curve");
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    const { width, height } = canvas;
    if (count > 4 * width) losses = losses.slice(-width);
    context.clearRect(0, 0, width, height);
    context.beginPath();
    losses.forEach((loss, i) => context.lineTo((i / losses.length) * width, height - (Math.min(loss, 2.5) / 2.5) * (height - 4) - 2));
    context.stroke();
    canvas.title = `loss ${losses.at(-1)?.toFixed(3)}`;
  }

  const weights = kept<Weights | undefined>("weights", undefined);
  if (weights) ask({ ask: "restore", weights });
  if (examples.length > 0) ask({ ask: "learn", examples });
  showStatus(examples.length > 0 ? "learning" : "nothing learnt yet");
}

/** What was drawn, in the middle of 28 x 28 pixels and as large as MNIST's digits are, 0 to 1. */
function pixelsOf(drawing: HTMLCanvasElement): number[] {
  const pen = drawing.getContext("2d") as CanvasRenderingContext2D;
  const { data, width, height } = pen.getImageData(0, 0, drawing.width, drawing.height);
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if ((data[4 * (y * width + x) + 3] as number) > 0)
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  const small = document.createElement("canvas");
  [small.width, small.height] = [side, side];
  const context = small.getContext("2d") as CanvasRenderingContext2D;
  const scale = 20 / Math.max(right - left, bottom - top, 1);
  const [w, h] = [(right - left) * scale, (bottom - top) * scale];
  context.drawImage(drawing, left, top, right - left, bottom - top, (side - w) / 2, (side - h) / 2, w, h);
  const seen = context.getImageData(0, 0, side, side).data;
  return Array.from({ length: side * side }, (_, i) => (seen[4 * i + 3] as number) / 255);
}

if (typeof document === "undefined") work();
else show();
