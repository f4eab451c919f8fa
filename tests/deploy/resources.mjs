// Custom resources against the models of their operators: a JSON list of manifests on standard input. Values are checked by the models'
// schemas, and by TypeScript, which also knows fields that there are not. Prints how many were checked; exit code 1 with every mistake.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = { "monitoring.coreos.com": "prometheus-operator", "keda.sh": "keda" };

const here = dirname(fileURLToPath(import.meta.url));
const manifests = JSON.parse(readFileSync(0, "utf8"));
const mistakes = [];
let program = "";
for (const [at, manifest] of manifests.entries()) {
  const { apiVersion, kind } = manifest;
  const [group] = apiVersion.split("/");
  const module = `@kubernetes-models/${PACKAGES[group]}/${apiVersion}/${kind}`;
  const model = (await import(module))[kind];
  try {
    new model(manifest).validate();
  } catch (error) {
    mistakes.push(`${kind} ${manifest.metadata.name}: ${error.message}`);
  }
  program += `import type { I${kind} as T${at} } from "${module}";\nexport const m${at}: T${at} = ${JSON.stringify(manifest)};\n`;
}
const folder = mkdtempSync(join(here, "check-"));
try {
  const file = join(folder, "manifests.ts");
  writeFileSync(file, program);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", file];
  execFileSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), ...options], { encoding: "utf8" });
} catch (error) {
  mistakes.push(error.stdout || String(error));
} finally {
  rmSync(folder, { recursive: true });
}
console.log(mistakes.length > 0 ? mistakes.join("\n") : `${manifests.length} checked`);
process.exitCode = mistakes.length > 0 ? 1 : 0;
