// Compile Solidity files to one JSON on stdout: what is committed beside them. README.md says how to call it.
"use strict";
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { basename } = require("node:path");

const VERSION = "0.8.37";
const SETTINGS = {
  evmVersion: "cancun", // EIP-1153 and nothing later
  optimizer: { enabled: true, runs: 200 },
  metadata: { appendCBOR: false, bytecodeHash: "none" }, // no bytes that depend on comments or on paths
};
const OUTPUT = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"];

const solc = require(process.env.SOLC || "solc");
if (!solc.version().startsWith(VERSION + "+")) {
  fail(`solc ${VERSION} is wanted, this is ${solc.version()}`);
}

const paths = process.argv.slice(2);
const sources = Object.fromEntries(paths.map((path) => [basename(path), { content: readFileSync(path, "utf8") }]));
const input = {
  language: "Solidity",
  sources,
  settings: { ...SETTINGS, outputSelection: { "*": { "": ["ast"], "*": OUTPUT } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const complaints = (output.errors || []).map((error) => error.formattedMessage);
if (complaints.length) {
  fail(complaints.join("\n")); // warnings too: what is committed compiles without any
}

const contracts = {};
for (const [file, { ast }] of Object.entries(output.sources)) {
  const names = immutables(ast);
  for (const [name, { abi, evm }] of Object.entries(output.contracts[file])) {
    if (!evm.bytecode.object) continue; // an interface
    const references = Object.entries(evm.deployedBytecode.immutableReferences || {});
    contracts[name] = {
      abi,
      bytecode: "0x" + evm.bytecode.object,
      deployedBytecode: "0x" + evm.deployedBytecode.object,
      // By name, where solc says the number of a syntax node.
      immutableReferences: Object.fromEntries(references.map(([id, places]) => [names[id], places])),
    };
  }
}
const sha256 = Object.fromEntries(
  Object.entries(sources).map(([name, { content }]) => [name, createHash("sha256").update(content).digest("hex")]),
);
process.stdout.write(JSON.stringify({ solc: solc.version(), settings: SETTINGS, sha256, contracts }, null, 1) + "\n");

function immutables(ast) {
  const variables = ast.nodes.flatMap((node) => node.nodes || []).filter((node) => node.mutability === "immutable");
  return Object.fromEntries(variables.map(({ id, name }) => [id, name]));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
