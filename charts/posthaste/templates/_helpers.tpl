{{- define "posthaste.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "posthaste.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "posthaste.labels" -}}
{{ include "posthaste.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "posthaste.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "posthaste.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "posthaste.image" -}}
{{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}

{{- define "posthaste.secret" -}}
{{ required "existingSecret must name a secret with DATABASE_URL, ADMIN_API_KEY and ENCRYPTION_KEY" .Values.existingSecret }}
{{- end }}

{{/* What all pods have in common. */}}
{{- define "posthaste.podBase" -}}
automountServiceAccountToken: false
# Of no use here, and each of them is a variable more.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}

{{/* TLS_CERT_FILE makes API and workers listen with TLS, and so asks probes and scrapers for https. */}}
{{- define "posthaste.scheme" -}}
{{- if .Values.config.TLS_CERT_FILE }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* For API and worker: dict "root" $ "role" "api" "port" 3000 "values" .Values.api "script" "main" */}}
{{- define "posthaste.role" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "posthaste.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  annotations:
    # A changed setting makes new pods.
    checksum/config: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    {{- with .values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "posthaste.serviceAccount" $root }}
  {{- include "posthaste.podBase" $root | nindent 2 }}
  # Delay and grace, and some seconds to end.
  terminationGracePeriodSeconds: {{ add $root.Values.shutdownGraceSeconds (default 0 .values.shutdownDelaySeconds) 10 }}
  containers:
    - name: {{ .role }}
      image: {{ include "posthaste.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [node, {{ printf "dist/src/%s.js" .script | quote }}]
      envFrom:
        - configMapRef: { name: {{ include "posthaste.name" $root }} }
        - secretRef: { name: {{ include "posthaste.secret" $root }} }
      {{- with .values.shutdownDelaySeconds }}
      env:
        - name: SHUTDOWN_DELAY_SECONDS
          value: {{ . | quote }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ .port }}
      # A process that hangs is restarted; PostgreSQL away is no reason for that, and /health/live doesn't ask it.
      livenessProbe:
        httpGet: { path: /health/live, port: http, scheme: {{ include "posthaste.scheme" $root }} }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /health/ready, port: http, scheme: {{ include "posthaste.scheme" $root }} }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      startupProbe:
        httpGet: { path: /health/live, port: http, scheme: {{ include "posthaste.scheme" $root }} }
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 60
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      {{- with .values.extraVolumeMounts }}
      volumeMounts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with .values.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
