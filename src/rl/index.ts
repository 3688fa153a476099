export { Generator } from "../random/generator.js";
export { Environment, type EnvironmentOptions } from "./environment.js";
export { Acrobot } from "./environments/acrobot.js";
export { CartPole } from "./environments/cartPole.js";
export { MountainCar, MountainCarContinuous } from "./environments/mountainCar.js";
export { Pendulum } from "./environments/pendulum.js";
export { type Action, Box, Discrete, drawAction, MultiDiscrete, type Space } from "./space.js";
export { VectorEnvironment } from "./vectorEnvironment.js";
