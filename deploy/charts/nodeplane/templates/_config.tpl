{{- /* The file that nodeplane reads. */ -}}
{{- define "nodeplane.config" -}}
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
{{ toYaml .Values.config.kubeProxy }}
---
apiVersion: nodeplane.dev/v1alpha1
kind: NodeplaneConfiguration
{{ toYaml .Values.config.nodeplane }}
{{- end -}}

{{- /* Whether something listens: (list $ "healthz"). Empty for no. */ -}}
{{- define "nodeplane.serves" -}}
{{- $root := index . 0 -}}
{{- $serving := $root.Values.config.nodeplane.serving | default dict -}}
{{- if ne (toString (index $serving (index . 1))) "false" -}}yes{{- end -}}
{{- end -}}

{{- /* The port of `IP`, `IP:port` or `[IP]:port`: (list address defaultPort). */ -}}
{{- define "nodeplane.port" -}}
{{- $address := index . 0 | default "" -}}
{{- if regexMatch `^([0-9.]+|\[.*\]):[0-9]+$` $address -}}
{{- regexFind `[0-9]+$` $address -}}
{{- else -}}
{{- index . 1 -}}
{{- end -}}
{{- end -}}

{{- define "nodeplane.healthzPort" -}}
{{- include "nodeplane.port" (list .Values.config.kubeProxy.healthzBindAddress 10256) -}}
{{- end -}}

{{- /* Where kubelet asks. Empty: at the pod's address, which is the node's, and answers unless only loopback listens. */ -}}
{{- define "nodeplane.healthzHost" -}}
{{- $address := .Values.config.kubeProxy.healthzBindAddress | default "" -}}
{{- if regexMatch `^(127\.|::1$|\[::1\])` $address -}}
{{- regexFind `127[0-9.]+|::1` $address -}}
{{- end -}}
{{- end -}}

{{- define "nodeplane.metricsPort" -}}
{{- include "nodeplane.port" (list .Values.config.kubeProxy.metricsBindAddress 10249) -}}
{{- end -}}

{{- /* Arguments of both containers. */ -}}
{{- define "nodeplane.args" -}}
- run
{{- if .Values.kubeadm }}
- --config=/var/lib/kube-proxy/config.conf
- --kube-proxy={{ .Values.config.nodeplane.kubeProxy | default "refuse" }}
{{- if not (kindIs "invalid" .Values.config.kubeProxy.oomScoreAdj) }}
- --oom-score-adj={{ .Values.config.kubeProxy.oomScoreAdj }}
{{- end }}
{{- else }}
- --config=/etc/nodeplane/config.yaml
{{- end }}
{{- end -}}

{{- define "nodeplane.env" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- if .Values.kubeadm }}
{{- /* kubeadm's kubeconfig has the address. */ -}}
{{- else if eq .Values.apiServer.from "configMap" }}
- name: KUBERNETES_SERVICE_HOST
  valueFrom:
    configMapKeyRef:
      name: {{ .Values.apiServer.configMap }}
      key: host
- name: KUBERNETES_SERVICE_PORT
  valueFrom:
    configMapKeyRef:
      name: {{ .Values.apiServer.configMap }}
      key: port
{{- else if eq .Values.apiServer.from "address" }}
- name: KUBERNETES_SERVICE_HOST
  value: {{ .Values.apiServer.host | quote }}
- name: KUBERNETES_SERVICE_PORT
  value: {{ .Values.apiServer.port | quote }}
{{- end }}
{{- end -}}

{{- define "nodeplane.mounts" -}}
- name: config
  mountPath: {{ .Values.kubeadm | ternary "/var/lib/kube-proxy" "/etc/nodeplane" }}
  readOnly: true
- name: xtables-lock
  mountPath: /run/xtables.lock
{{- end -}}
