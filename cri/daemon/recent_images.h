// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The image records that were read last, with their documents, in memory. Only few need their indexes, which
// may be large: they are not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "base/thread_annotations.h"
#include "images/image_record.h"

namespace davit::cri {

// CreateContainer then need not read the database. Keeps at most kImages records with documents of at most
// kDocumentBytes each, 512 KiB in all. A larger record is never kept. Thread-safe.
class RecentImages {
 public:
  static constexpr size_t kImages = 8;
  static constexpr size_t kDocumentBytes = 64 << 10;

  // Take the version before you read a record, and pass it to Put: Put does nothing if any record was changed
  // in between.
  using Version = uint64_t;
  Version version() const;
  // `record` has no indexes.
  void Put(const images::ImageRecord& record, Version read_at);

  std::optional<images::ImageRecord> Find(const std::string& id) const;

  // The record was changed or removed. Called after the change.
  void Forget(const std::string& id);

 private:
  mutable Mutex mutex_;
  Version version_ GUARDED_BY(mutex_) = 0;
  std::list<images::ImageRecord> records_ GUARDED_BY(mutex_);  // the one added last is the first
};

}  // namespace davit::cri
