// Answers from a bundle, in another process than the one that trained it. Run: npx tsx serve.ts flowers 5.1 3.5 1.4 0.2
import { compile, nn, relu, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";

const [folder = "flowers", ...numbers] = process.argv.slice(2);
const { weights, labels, scaler, config } = await files.loadBundle(folder);
if (!labels || !scaler) throw new Error(`${folder} was not saved by table.ts`);
const { features } = config as { features: string[] };
if (numbers.length !== features.length) throw new Error(`got ${numbers.length} numbers, expected ${features.join(", ")}`);

const model = new nn.Sequential(new nn.Linear(features.length, 16), relu, new nn.Linear(16, labels.names.length));
await model.loadStateDict(weights);
const predict = compile((x: Tensor) => model.forward(scaler.transform(x)).softmax());

const probabilities = await (await predict(tensor([numbers.map(Number)]))).data();
labels.names.forEach((name, i) => {
  console.log(`${name} ${Number(probabilities[i]).toFixed(3)}`);
});
