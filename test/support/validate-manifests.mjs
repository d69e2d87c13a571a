// Judges manifests (JSON on standard input) by the schemas that Kubernetes, KEDA and the Prometheus operator publish, as kept by
// the packages below. They are ES modules only, which jest does not load, so this runs in a process of its own.
import { text } from 'node:stream/consumers';

const PACKAGES = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

const complaints = [];
for (const manifest of JSON.parse(await text(process.stdin))) {
  const { apiVersion, kind, metadata } = manifest;
  const name = PACKAGES[apiVersion.split('/')[0]] ?? 'kubernetes-models';
  try {
    const models = await import(`${name}/${apiVersion}`);
    new models[kind](manifest).validate();
  } catch (error) {
    complaints.push(`${kind} ${metadata.name}: ${error.message}`);
  }
}
console.log(JSON.stringify(complaints));
