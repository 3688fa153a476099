import { closestName } from "./closestName.js";
import { check } from "./error.js";

/** Which options there are, and which of them must be given: the compiler holds it to the type of the options. */
export type OptionNames<Options> = {
  readonly [Name in keyof Options]-?: Record<never, never> extends Pick<Options, Name> ? "optional" : "required";
};

/**
 * Throws unless `options` is an object of no other names than `names` has, with all that are required: for functions that JavaScript calls too.
 * @param owner what the options are of, as an error names it, such as `Adam`
 */
export function checkOptions<Options>(owner: string, options: Options, names: OptionNames<Options>): void {
  check(
    typeof options === "object" && options !== null && !Array.isArray(options),
    () =>
      `${owner}: got ${options === undefined || options === null ? "no options" : `${typeof options} in place of options`}${needed(names)}`,
  );
  for (const name of Object.keys(options as object)) {
    check(Object.hasOwn(names, name), () => {
      const near = closestName(name, Object.keys(names));
      return `${owner}: unknown option ${name}: ${near ? `did you mean ${near}?` : `expected ${Object.keys(names).join(", ")}`}`;
    });
  }
  for (const name of Object.keys(names)) {
    const isThere = names[name as keyof Options] === "optional" || options[name as keyof Options] !== undefined;
    check(isThere, () => `${owner}: the option ${name} is missing${needed(names)}`);
  }
}

/** Throws unless a setting, where it is given, is one of several words. */
export function checkChoice(owner: string, name: string, value: string | undefined, choices: readonly string[]): void {
  const quoted = choices.map((choice) => `"${choice}"`);
  const listed = [quoted.slice(0, -1).join(", "), quoted.at(-1)].join(" or ");
  check(value === undefined || choices.includes(value), () => `${owner}: ${name} ${JSON.stringify(value)}: expected ${listed}`);
}

/** Those of `options` that `names` has: what is handed on to a part. */
export const pickOptions = <Options extends object>(options: Options, names: OptionNames<Options>): Options =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(names, name))) as Options;

/** The options that must be given. */
function needed(names: Readonly<Record<string, "optional" | "required">>): string {
  const required = Object.keys(names).filter((name) => names[name] === "required");
  return required.length === 0 ? "" : `: expected { ${required.join(", ")} }`;
}
