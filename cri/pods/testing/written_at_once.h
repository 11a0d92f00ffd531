// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: records without a database.
#pragma once

#include <functional>
#include <utility>

#include "cri/pods/persisted.h"

namespace davit::cri {

// Calls `write` at once instead of queueing the record.
template <typename Record>
typename Persisted<Record>::Write WrittenAtOnce(std::function<Result<>(const Record&)> write) {
  return [write = std::move(write)](const Record& record, const RecordWriter::OnWritten&) {
    return PendingWrite(write(record));
  };
}

}  // namespace davit::cri
