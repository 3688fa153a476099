import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a user can name through an entry: its exports, those of its namespaces, and the methods of its classes and interfaces. */
function undocumented(entry: string): { seen: number; missing: string[] } {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([`${root}/${entry}`], options);
  const checker = program.getTypeChecker();
  const missing: string[] = [];
  let seen = 0;
  const visit = (exported: ts.Symbol, path: string) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const name = `${path}${exported.name}`;
    // What another package declares it documents itself.
    if (symbol.declarations?.every((declaration) => declaration.getSourceFile().fileName.includes("/node_modules/"))) return;
    if (symbol.flags & ts.SymbolFlags.ValueModule) {
      for (const inner of checker.getExportsOfModule(symbol)) visit(inner, `${name}.`);
      return;
    }
    seen++;
    if (symbol.getDocumentationComment(checker).length === 0) missing.push(name);
    for (const declaration of symbol.declarations ?? []) {
      if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) continue;
      for (const member of declaration.members) {
        const isCallable = ts.isMethodDeclaration(member) || ts.isMethodSignature(member) || ts.isAccessor(member);
        const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Override;
        if (!isCallable || ts.getCombinedModifierFlags(member) & hidden || !ts.isIdentifier(member.name)) continue;
        const documentation = checker.getSymbolAtLocation(member.name)?.getDocumentationComment(checker);
        if (!documentation?.length) missing.push(`${name}.${member.name.text}`);
      }
    }
  };
  const source = program.getSourceFile(`${root}/${entry}`) as ts.SourceFile;
  for (const each of checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol)) visit(each, "");
  return { seen, missing: [...new Set(missing)] };
}

it.each([
  ["src/index.ts", 40],
  ["src/node.ts", 40],
  ["lab/index.ts", 20],
])("all that %s exports is documented", (entry, least) => {
  const { seen, missing } = undocumented(entry);
  expect(seen).toBeGreaterThan(least);
  expect(missing).toEqual([]);
});
