// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The index of local containers, and their names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "local/container.h"

namespace davit::local {

// Thread-safe.
class Roster {
 public:
  static constexpr size_t kMost = 1000;

  // kAlreadyExists, naming the holder, if another container has the name; kResourceExhausted if there are
  // kMost containers.
  Result<> Add(LocalContainerPtr container) EXCLUDES(mutex_);
  // Gives the container another name, in the index and in its record. kAlreadyExists as in Add.
  Result<> Rename(LocalContainer& container, const std::string& name) EXCLUDES(mutex_);
  void Remove(const LocalContainer& container) EXCLUDES(mutex_);

  // By id, by name, or by an unambiguous beginning of the id, tried in this order. kNotFound;
  // kInvalidArgument if it is ambiguous or empty.
  Result<LocalContainerPtr> Find(const std::string& text) const EXCLUDES(mutex_);
  // By the whole id; null if there is none.
  LocalContainerPtr FindId(const std::string& id) const EXCLUDES(mutex_);
  std::vector<LocalContainerPtr> All() const EXCLUDES(mutex_);
  std::vector<std::string> Ids() const EXCLUDES(mutex_);

 private:
  Result<> ClaimName(const std::string& name, const std::string& id) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, LocalContainerPtr> by_id_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> ids_ GUARDED_BY(mutex_);  // by name
};

// kInvalidArgument unless the name has the form that the API allows.
Result<> CheckContainerName(const std::string& name);

// "registry:5000/team/web_app:1.2@sha256:…" gives "web-app-3fa2c1" for an id that begins with 3fa2c1.
std::string NameFromImage(std::string_view image, std::string_view id);

}  // namespace davit::local
