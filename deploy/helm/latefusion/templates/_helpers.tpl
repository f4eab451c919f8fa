{{- define "latefusion.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "latefusion.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "latefusion.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "latefusion.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "latefusion.selector" -}}
app.kubernetes.io/name: {{ include "latefusion.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "latefusion.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "latefusion.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "latefusion.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "latefusion.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "latefusion.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The command line of a role: score-vitals is `run score vitals`. */}}
{{- define "latefusion.roleArgs" -}}
{{- if hasPrefix "score-" . -}}
["run", "score", {{ trimPrefix "score-" . | quote }}]
{{- else -}}
["run", {{ . | quote }}]
{{- end -}}
{{- end -}}

{{/* How somebody reaches the brokers: the common values and those of its own. Takes (dict "root" $ "kafka" OWN). */}}
{{- define "latefusion.kafka" -}}
{{- mergeOverwrite (deepCopy .root.Values.kafka) (deepCopy (default dict .kafka)) | toJson -}}
{{- end -}}

{{/* One value of TOML. Whole numbers of values.yaml are floating to Helm, and must not be in the file. */}}
{{- define "latefusion.tomlValue" -}}
{{- if kindIs "string" . -}}
{{ . | toJson }}
{{- else if kindIs "bool" . -}}
{{ . }}
{{- else if eq (float64 (int64 .)) (float64 .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* One line of TOML. Takes (list KEY VALUE). */}}
{{- define "latefusion.tomlLine" -}}
{{- $key := index . 0 -}}
{{ regexMatch "^[A-Za-z0-9_-]+$" $key | ternary $key ($key | toJson) }} = {{ include "latefusion.tomlValue" (index . 1) }}
{{- end -}}

{{/* latefusion.toml of one user. Takes (dict "root" $ "kafka" OWN). */}}
{{- define "latefusion.toml" -}}
{{- $kafka := include "latefusion.kafka" . | fromJson -}}
{{- $files := dict -}}
{{- if $kafka.passwordSecret.name }}{{ $_ := set $files "password_file" "/run/secrets/latefusion/password" }}{{ end -}}
{{- if $kafka.tokenSecret.name }}{{ $_ := set $files "token_file" "/run/secrets/latefusion/token" }}{{ end -}}
{{- if $kafka.caSecret.name }}{{ $_ := set $files "ca_file" "/run/secrets/latefusion/ca.crt" }}{{ end -}}
{{- if $kafka.certificateSecret.name -}}
{{- $_ := set $files "certificate_file" "/run/secrets/latefusion/client.crt" -}}
{{- $_ := set $files "key_file" "/run/secrets/latefusion/client.key" -}}
{{- end -}}
{{- $own := dict "brokers" $kafka.brokers "security" $kafka.security -}}
{{- range $key := list "mechanism" "username" -}}
{{- with index $kafka $key }}{{ $_ := set $own $key . }}{{ end -}}
{{- end -}}
{{- $config := deepCopy .root.Values.config -}}
{{- $_ := set $config "kafka" (mergeOverwrite (default dict $config.kafka) $own $files) -}}
{{- $_ := set $config "telemetry" (mergeOverwrite (default dict $config.telemetry) (dict "listen" "0.0.0.0:9464")) -}}
{{- if .root.Values.fusionPackage -}}
{{- $_ := set $config "fusion" (mergeOverwrite (default dict $config.fusion) (dict "package_file" "/etc/latefusion/package.toml")) -}}
{{- end -}}
{{- range $section, $keys := $config -}}
{{- if $keys }}
[{{ $section }}]
{{ range $key, $value := $keys -}}
{{- if not (kindIs "map" $value) -}}
{{ include "latefusion.tomlLine" (list $key $value) }}
{{ end -}}
{{- end -}}
{{- range $table, $inner := $keys -}}
{{- if kindIs "map" $inner }}
[{{ $section }}.{{ $table }}]
{{ range $key, $value := $inner -}}
{{ include "latefusion.tomlLine" (list $key $value) }}
{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Mistakes that a schema cannot see. */}}
{{- define "latefusion.check" -}}
{{- $partitions := int (default 8 (default dict .Values.config.topics).partitions) -}}
{{- range $name, $role := .Values.roles -}}
{{- if and $role.enabled (gt (int $role.replicas) $partitions) -}}
{{- fail (printf "roles.%s.replicas is %d, but there are %d partitions (config.topics.partitions): the others would have nothing to do" $name (int $role.replicas) $partitions) -}}
{{- end -}}
{{- end -}}
{{- $grace := default "10s" (default dict .Values.config.lanes).grace -}}
{{- $seconds := int (trimSuffix "s" $grace) -}}
{{- if hasSuffix "min" $grace }}{{ $seconds = mul 60 (int (trimSuffix "min" $grace)) }}{{ end -}}
{{- if hasSuffix "ms" $grace }}{{ $seconds = div (int (trimSuffix "ms" $grace)) 1000 }}{{ end -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int $seconds) -}}
{{- fail (printf "terminationGracePeriodSeconds must be longer than config.lanes.grace (%s): a pod is killed before it has drained otherwise" $grace) -}}
{{- end -}}
{{- end -}}

{{- define "latefusion.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "latefusion.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What a pod mounts. Takes (dict "root" $ "kafka" OWN "config" NAME "file" KEY). */}}
{{- define "latefusion.volumes" -}}
{{- $kafka := include "latefusion.kafka" . | fromJson -}}
- name: config
  configMap:
    name: {{ .config }}
    items:
      - { key: {{ .file }}, path: latefusion.toml }
      {{- if .root.Values.fusionPackage }}
      - { key: package.toml, path: package.toml }
      {{- end }}
{{- $secrets := list -}}
{{- with $kafka.passwordSecret }}{{ if .name }}{{ $secrets = append $secrets (list .name .key "password") }}{{ end }}{{ end -}}
{{- with $kafka.tokenSecret }}{{ if .name }}{{ $secrets = append $secrets (list .name .key "token") }}{{ end }}{{ end -}}
{{- with $kafka.caSecret }}{{ if .name }}{{ $secrets = append $secrets (list .name .key "ca.crt") }}{{ end }}{{ end -}}
{{- with $kafka.certificateSecret }}{{ if .name -}}
{{- $secrets = append $secrets (list .name .certificateKey "client.crt") -}}
{{- $secrets = append $secrets (list .name .keyKey "client.key") -}}
{{- end }}{{ end -}}
{{- if $secrets }}
- name: secrets
  projected:
    # 0440: the group is fsGroup.
    defaultMode: 288
    sources:
      {{- range $secrets }}
      - secret:
          name: {{ index . 0 }}
          items:
            - { key: {{ index . 1 | quote }}, path: {{ index . 2 }} }
      {{- end }}
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "latefusion.volumeMounts" -}}
{{- $kafka := include "latefusion.kafka" . | fromJson -}}
- { name: config, mountPath: /etc/latefusion, readOnly: true }
{{- if or $kafka.passwordSecret.name $kafka.tokenSecret.name $kafka.caSecret.name $kafka.certificateSecret.name }}
- { name: secrets, mountPath: /run/secrets/latefusion, readOnly: true }
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
