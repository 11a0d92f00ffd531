// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Functions that write records to the database.
#pragma once

#include <utility>

#include "base/codec.h"
#include "cri/pods/persisted.h"
#include "cri/pods/pod_records.h"
#include "cri/records/pod_store.h"

namespace davit::cri {

inline SandboxRow RowOf(const SandboxRecord& record) {
  return {record.id, Encode(record)};
}

inline ContainerRow RowOf(const ContainerRecord& record) {
  return {record.id, record.sandbox_id, Encode(record)};
}

// `store` must outlive the writers.
inline Persisted<SandboxRecord>::Write SandboxWriter(PodStore& store) {
  return [&store](const SandboxRecord& record, PodStore::OnWritten on_written) {
    return store.QueueSandbox(RowOf(record), std::move(on_written));
  };
}

inline Persisted<ContainerRecord>::Write ContainerWriter(PodStore& store) {
  return [&store](const ContainerRecord& record, PodStore::OnWritten on_written) {
    return store.QueueContainer(RowOf(record), std::move(on_written));
  };
}

}  // namespace davit::cri
