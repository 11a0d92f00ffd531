// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Functions that write records to the database.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/codec.h"
#include "cri/pods/names.h"
#include "cri/pods/persisted.h"
#include "cri/pods/pod.h"
#include "cri/pods/pod_records.h"
#include "cri/records/pod_store.h"

namespace davit::cri {

// SandboxRow::owner. The part after the slash is the uid in the sandbox's metadata.
inline constexpr std::string_view kOwnedByLocal = "local/";

// A row also has the configuration, which may be large. In memory the Sandbox or Container holds it, once,
// and the record does not (pod_records.h).
inline SandboxRow RowOf(SandboxRecord record, const ::runtime::v1::PodSandboxConfig& config) {
  record.config = config.SerializeAsString();
  bool local = record.owner == Owner::kLocal;
  return {record.id, Encode(record), local ? std::string(kOwnedByLocal) + config.metadata().uid() : ""};
}

inline ContainerRow RowOf(ContainerRecord record, const ::runtime::v1::ContainerConfig& config) {
  record.config = config.SerializeAsString();
  return {record.id, record.sandbox_id, Encode(record)};
}

// `store` must outlive the writers.
inline Persisted<SandboxRecord>::Write SandboxWriter(PodStore& store, Sandbox::ConfigPtr config) {
  return [&store, config = std::move(config)](const SandboxRecord& record, PodStore::OnWritten on_written) {
    return store.QueueSandbox(RowOf(record, *config), std::move(on_written));
  };
}

inline Persisted<ContainerRecord>::Write ContainerWriter(PodStore& store, Container::ConfigPtr config) {
  return [&store, config = std::move(config)](const ContainerRecord& record, PodStore::OnWritten on_written) {
    return store.QueueContainer(RowOf(record, *config), std::move(on_written));
  };
}

}  // namespace davit::cri
