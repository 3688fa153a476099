import type { rl } from "kasane";

// Blackjack as a Markov decision process, for the optimum: the rules of rl.Blackjack with `natural: "plain"`, under which what was drawn before does
// not matter.

/** The probability of each card, 1 (an ace) to 10. */
const cardProbability = (card: number): number => (card === 10 ? 4 : 1) / 13;

/** A hand: its sum, with an ace as 11 where it fits, and whether one counts so. */
interface Hand {
  readonly sum: number;
  readonly ace: number;
}

/** A hand with one more card. */
function withCard({ sum, ace }: Hand, card: number): Hand {
  // As few as an ace can count, then 11 where that fits.
  const least = sum - 10 * ace + card;
  const hasAce = ace === 1 || card === 1;
  return hasAce && least <= 11 ? { sum: least + 10, ace: 1 } : { sum: least, ace: 0 };
}

/** Calls `see` for every card with its probability. */
function eachCard(see: (card: number, probability: number) => void): void {
  for (let card = 1; card <= 10; card++) see(card, cardProbability(card));
}

/** Adds the probabilities of the dealer's final sums, 17 to 21, to `into`; above 21 he has lost, which is sum 0. */
function dealerSums(hand: Hand, probability: number, into: Map<number, number>): void {
  if (hand.sum >= 17) {
    const score = hand.sum > 21 ? 0 : hand.sum;
    into.set(score, (into.get(score) ?? 0) + probability);
  } else eachCard((card, share) => dealerSums(withCard(hand, card), probability * share, into));
}

const empty: Hand = { sum: 0, ace: 0 };

/** The dealer's final sums, by his first card. */
const dealers = Array.from({ length: 11 }, (_, card) => {
  const sums = new Map<number, number>();
  if (card > 0) dealerSums(withCard(empty, card), 1, sums);
  return sums;
});

/** The index of a state: the player's sum, the dealer's card, and whether an ace counts as 11. */
export const blackjackState = (sum: number, card: number, ace: number): number => (sum * 11 + card) * 2 + ace;

/** The game, by the state's index. A game has no first state here: see {@link blackjackStart}. */
export const blackjackModel: rl.MarkovModel = {
  states: 32 * 11 * 2,
  actions: 2,
  starts: [],
  transitions(state, action) {
    const [sum, dealer, ace] = [Math.floor(state / 22), Math.floor(state / 2) % 11, state % 2];
    const over = (reward: number, probability: number) => ({ probability, next: state, reward, terminated: true });
    // There are states that no game is in.
    if (sum < 4 || sum > 21 || dealer === 0 || (ace === 1 && sum < 12)) return [over(0, 1)];
    if (action === 0)
      return [...(dealers[dealer] as Map<number, number>)].map(([score, probability]) => over(Math.sign(sum - score), probability));
    const outcomes: rl.Transition[] = [];
    eachCard((card, probability) => {
      const hand = withCard({ sum, ace }, card);
      if (hand.sum > 21) outcomes.push(over(-1, probability));
      else outcomes.push({ probability, next: blackjackState(hand.sum, dealer, hand.ace), reward: 0, terminated: false });
    });
    return outcomes;
  },
};

/** What a game is worth before its cards are dealt, given what its states are worth. */
export function blackjackStart(values: Float64Array): number {
  let sum = 0;
  eachCard((dealer, dealt) => {
    eachCard((first, one) => {
      eachCard((second, two) => {
        const hand = withCard(withCard(empty, first), second);
        sum += dealt * one * two * (values[blackjackState(hand.sum, dealer, hand.ace)] as number);
      });
    });
  });
  return sum;
}
