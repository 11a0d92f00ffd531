// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// AppArmor on this host (apparmor(7)): whether there is any, and the profiles that its kernel knows.
#pragma once

#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

enum class AppArmorSupport : uint8_t {
  kNone,        // the kernel has none, or it is switched off
  kNoPolicyFs,  // securityfs is not mounted: nobody can say or change which profiles there are
  kNoParser,    // profiles that are loaded can be applied, none can be loaded
  kFull,
};

// Thread-safe.
class AppArmor {
 public:
  // `root` goes in front of every path: a fixture.
  explicit AppArmor(std::string root = "") : root_(std::move(root)) {}

  AppArmorSupport Support() const;

  // Returns when the kernel has `profile`. The default one is loaded when it is first asked for, in place of
  // what an earlier daemon has loaded, and again when somebody has taken it away; without a parser one that
  // is there will do. kFailedPrecondition for any other that is not loaded.
  Result<> Provide(const std::string& profile) EXCLUDES(loading_);

 private:
  std::string Parser() const;  // its path; empty: not installed
  Result<bool> IsLoaded(const std::string& profile) const;
  Result<> LoadDefault() const;

  const std::string root_;
  Mutex loading_;
  bool loaded_default_ GUARDED_BY(loading_) = false;
};

}  // namespace davit
