// A physical law fitted through its simulation: the gradient goes back through every step of the loop. Run: npx tsx pendulum.ts
import { compile, optim, scan, seed, type Tensor, tensor, Variable, zeros } from "kasane";

const [steps, interval, length] = [200, 0.02, 0.7];

/** The angle after each step, `[steps]`, of a pendulum that starts at 0.5 radians, by the semi-implicit Euler method. */
function swing(gravity: Tensor, friction: Tensor): Tensor {
  const start = { angle: tensor(0.5), speed: tensor(0) };
  const step = ({ angle, speed }: typeof start) => {
    const acceleration = angle.sin().mul(gravity).div(-length).sub(speed.mul(friction));
    const next = speed.add(acceleration.mul(interval));
    const moved = angle.add(next.mul(interval));
    return { carry: { angle: moved, speed: next }, outputs: moved };
  };
  return scan(step, start, zeros([steps])).outputs;
}

seed(0);
const measured = tensor(await swing(tensor(9.81), tensor(0.3)).data());
const [gravity, friction] = [new Variable(tensor(6)), new Variable(tensor(0))];
const optimizer = new optim.Adam([gravity, friction], { learningRate: 0.05 });
const step = compile(
  () => {
    const loss = swing(gravity, friction).meanSquaredError(measured);
    optimizer.minimize(loss);
    return loss;
  },
  { training: true },
);
for (let i = 0; i < 500; i++) await step();
console.log(`gravity ${(await gravity.item()).toFixed(2)}, friction ${(await friction.item()).toFixed(2)}: expected 9.81 and 0.30`);
