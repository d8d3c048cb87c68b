//! What is read of objects that others wrote.

use super::*;

fn read<T: Resource>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

#[test]
fn an_object_needs_a_name_and_nothing_else() {
    let bare: LlmInferenceService = read(r#"{"metadata": {"name": "a"}}"#);
    assert_eq!(bare.metadata().object_ref().to_string(), "a");
    for json in [r#"{}"#, r#"{"metadata": {}}"#, r#"{"metadata": {"name": ""}}"#, r#"{"metadata": {"name": 7}}"#] {
        assert!(serde_json::from_str::<Pod>(json).is_err(), "{json}");
    }
}

#[test]
fn what_is_of_another_type_is_as_if_it_were_not_there() {
    let odd = r#"{"metadata": {"name": "a", "namespace": 1, "labels": [1, {"x": 2}], "annotations": "no",
        "generation": "two", "creationTimestamp": null, "deletionTimestamp": {}},
        "spec": {"predictor": {"minReplicas": 1e99, "containers": {"a": [1]}, "model": "sklearn", "name": null},
        "transformer": true, "canary": [7, {"trafficPercent": "10", "predictor": {"name": "v2"}}]},
        "status": {"conditions": [{"type": "Ready", "status": true}, 3, {"type": "Fresh", "status": "True"}],
        "modelStatus": [], "url": {"a": "b"}}}"#;
    let service: InferenceService = read(odd);
    assert!(service.metadata.labels.is_empty());
    assert_eq!(service.metadata.deletion_timestamp, None);
    assert!(service.spec.predictor.model().is_none());
    assert_eq!(service.spec.canary.len(), 1);
    assert_eq!(&*service.spec.canary[0].predictor.name, "v2");
    assert_eq!(service.status.conditions.state("Ready"), State::Unknown);
    assert_eq!(service.status.conditions.state("Fresh"), State::True);
}

#[test]
fn a_pool_without_a_selector_has_no_labels_and_a_number_that_is_no_port_is_0() {
    let pool: InferencePool =
        read(r#"{"metadata": {"name": "p"}, "spec": {"targetPorts": [{"number": 70000}, {"number": 8000}]}}"#);
    assert!(pool.spec.selector.match_labels.is_empty());
    assert_eq!(pool.spec.target_ports.iter().map(|port| port.number).collect::<Vec<_>>(), [0, 8000]);
}

#[test]
fn annotations_that_are_no_settings_are_not_kept() {
    let long = "x".repeat(5000);
    let pod: Pod = read(&format!(
        r#"{{"metadata": {{"name": "a", "annotations": {{"kubectl.kubernetes.io/last-applied-configuration": "{long}",
        "serving.kserve.io/stop": "true", "serving.kserve.io/long": "{long}", "autoscaling.knative.dev/min-scale": "0"}}}}}}"#
    ));
    let kept: Vec<_> = pod.metadata.annotations.iter().collect();
    assert_eq!(kept, [("autoscaling.knative.dev/min-scale", "0"), ("serving.kserve.io/stop", "true")]);
}

#[test]
fn the_beginning_of_a_message_is_kept() {
    let long = "é".repeat(2000);
    let graph: InferenceGraph = read(&format!(
        r#"{{"metadata": {{"name": "a"}}, "status": {{"conditions": [{{"type": "Ready", "message": "{long}"}}]}}}}"#
    ));
    assert_eq!(graph.status.conditions.get("Ready").unwrap().message.len(), 512);
}

#[test]
fn a_command_line_names_its_model() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--model_name=iris", "--model_dir=/mnt/models"], &["iris"]),
        (&["--model_name", "iris", "--http_port", "8080"], &["iris"]),
        (
            &["serve", "--served-model-name", "a/b", "publishers/n/models/a/b", "--port", "8000"],
            &["a/b", "publishers/n/models/a/b"],
        ),
        (
            &["-c", "exec vllm serve /mnt/models \\\n  --served-model-name \"a/b\" \"c\" \\\n --port 8000 $@", "--"],
            &["a/b", "c"],
        ),
        (&["--served-model-name=${NAME}", "--model_name={{.Name}}"], &[]),
        (&["vllm serve x --served-model-name", "--port"], &[]),
        (&["--model_name=\"quoted\""], &["quoted"]),
    ];
    for (arguments, names) in cases {
        let flags = Flags::of(arguments.iter().copied());
        assert_eq!(flags.served_names.iter().map(|name| &**name).collect::<Vec<_>>(), names, "{arguments:?}");
        assert!(!flags.tls);
    }
    assert!(Flags::of(["--ssl-certfile", "/tls.crt"]).tls);
    assert!(Flags::of(["--secure-proxy=true"]).tls);
    assert!(!Flags::of(["--secure-proxy=false"]).tls);
}

#[test]
fn an_endpoint_of_which_nothing_is_said_is_ready() {
    let slice: EndpointSlice = read(
        r#"{"metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "svc"}}, "endpoints": [
        {"addresses": ["10.0.0.1"]}, {"conditions": {"ready": false}}, {"conditions": {"ready": false, "serving": true, "terminating": true}}]}"#,
    );
    assert_eq!(slice.service(), Some("svc"));
    let [first, second, third] = &*slice.endpoints else { panic!("three endpoints") };
    assert!(first.conditions.is_ready() && first.conditions.is_serving() && !first.conditions.is_terminating());
    assert!(!second.conditions.is_ready() && !second.conditions.is_serving());
    assert!(third.conditions.is_serving() && third.conditions.is_terminating());
}

#[test]
fn a_kind_in_its_older_group_is_the_same_kind() {
    let old: InExtensionGroup<InferenceObjective> = read(r#"{"metadata": {"name": "o"}, "spec": {"priority": -3}}"#);
    assert_eq!(old.0.spec.priority, -3);
    assert_eq!(<InExtensionGroup<InferenceObjective> as Resource>::GROUP, "inference.networking.x-k8s.io");
    assert_eq!(<InExtensionGroup<InferenceObjective> as Resource>::PLURAL, InferenceObjective::PLURAL);
}
