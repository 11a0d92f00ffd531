// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/recent_images.h"

#include <algorithm>

namespace davit::cri {

RecentImages::Version RecentImages::version() const {
  MutexLock lock(mutex_);
  return version_;
}

void RecentImages::Put(const images::ImageRecord& record, Version read_at) {
  if (record.DocumentBytes() > kDocumentBytes) return;
  MutexLock lock(mutex_);
  if (read_at != version_) return;
  std::erase_if(records_, [&record](const images::ImageRecord& kept) { return kept.id == record.id; });
  records_.push_front(record);
  if (records_.size() > kImages) records_.pop_back();
}

std::optional<images::ImageRecord> RecentImages::Find(const std::string& id) const {
  MutexLock lock(mutex_);
  auto found = std::ranges::find(records_, id, &images::ImageRecord::id);
  if (found == records_.end()) return std::nullopt;
  return *found;
}

void RecentImages::Forget(const std::string& id) {
  MutexLock lock(mutex_);
  ++version_;
  std::erase_if(records_, [&id](const images::ImageRecord& kept) { return kept.id == id; });
}

}  // namespace davit::cri
