// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The image records that were read last, with their documents, in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "base/thread_annotations.h"
#include "images/image_record.h"

namespace davit::cri {

// Saves a start of a container from reading the database. At most kImages records of at most kDocumentBytes
// each, 512 KiB in all: a larger one is read again each time. Thread-safe.
class RecentImages {
 public:
  static constexpr size_t kImages = 8;
  static constexpr size_t kDocumentBytes = 64 << 10;

  // Where the record changed between a read and its Put, the Put has no effect.
  using Version = uint64_t;
  Version version() const;
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
