export { ActionValueAgent, type ActionValueOptions, type Agent } from "./actionValueAgent.js";
export * from "./agents/index.js";
export {
  policyIteration,
  policyValues,
  type Solution,
  type SolveOptions,
  startValue,
  valueIteration,
  valuesInSteps,
} from "./dynamicProgramming.js";
export { Environment, type EnvironmentOptions } from "./environment.js";
export { Acrobot } from "./environments/acrobot.js";
export { Bandit, type BanditOptions } from "./environments/bandit.js";
export { Blackjack, type BlackjackOptions } from "./environments/blackjack.js";
export { CartPole } from "./environments/cartPole.js";
export { CliffWalking, type CliffWalkingOptions } from "./environments/cliffWalking.js";
export { FrozenLake, type FrozenLakeOptions } from "./environments/frozenLake.js";
export { GridEnvironment, type Move } from "./environments/grid.js";
export { MountainCar, MountainCarContinuous } from "./environments/mountainCar.js";
export { Pendulum } from "./environments/pendulum.js";
export { Taxi, type TaxiState, taxiState } from "./environments/taxi.js";
export { type Episode, evaluate, meanReturn, playEpisode, trainEpisode } from "./episodes.js";
export {
  type Choices,
  type Exploration,
  epsilonGreedy,
  linearDecay,
  type Schedule,
  softmaxExploration,
  type ThompsonOptions,
  thompsonSampling,
  upperConfidenceBound,
} from "./exploration.js";
export { type Features, LinearValues, tableFeatures } from "./features.js";
export { FiniteEnvironment, type MarkovModel, type Transition } from "./finite.js";
export { GradientBandit, type GradientBanditOptions } from "./gradientBandit.js";
export { Asterix } from "./minatar/asterix.js";
export { Breakout } from "./minatar/breakout.js";
export { Freeway } from "./minatar/freeway.js";
export { MiniatureGame, type MiniatureGameOptions, type Plane } from "./minatar/game.js";
export { Seaquest } from "./minatar/seaquest.js";
export { SpaceInvaders } from "./minatar/spaceInvaders.js";
export {
  type Drawable,
  drawFrames,
  drawText,
  type FrameOptions,
  type Picture,
  type Place,
  rectangle,
  type Shape,
  textOf,
} from "./picture.js";
export { type Action, Box, Discrete, drawAction, MultiDiscrete, type Space } from "./space.js";
export { type StateValueOptions, StateValues } from "./stateValues.js";
export { TileCoding, type TileCodingOptions } from "./tileCoding.js";
export type { LearningRate, UpdateOptions } from "./updates.js";
export { VectorEnvironment } from "./vectorEnvironment.js";
