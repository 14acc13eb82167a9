{{- define "sigillum.name" -}}{{ .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end }}

{{- define "sigillum.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{- end }}
{{- end }}

{{- define "sigillum.labels" -}}
app.kubernetes.io/name: {{ include "sigillum.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "sigillum.metadata" -}}
labels:
  {{- include "sigillum.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sigillum.selector" -}}
app.kubernetes.io/name: {{ include "sigillum.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sigillum.image" -}}
{{- $version := .Values.webhook.image.version | default .Chart.AppVersion -}}
{{- if hasPrefix "sha256:" $version }}{{ .Values.webhook.image.repository }}@{{ $version }}{{ else }}{{ .Values.webhook.image.repository }}:{{ $version }}{{ end }}
{{- end }}

{{- define "sigillum.serviceAccount" -}}
{{- if .Values.webhook.serviceAccount.create }}{{ .Values.webhook.serviceAccount.name | default (printf "%s-webhook" (include "sigillum.fullname" .)) }}{{ else }}{{ .Values.webhook.serviceAccount.name | default "default" }}{{ end }}
{{- end }}
