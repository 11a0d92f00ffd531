// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// AppArmor on this host (apparmor(7)): whether it is available, and which profiles are loaded.
#pragma once

#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit::cri {

enum class AppArmorSupport : uint8_t {
  kNone,        // not in the kernel, or disabled
  kNoPolicyFs,  // securityfs is not mounted: profiles can be neither listed nor loaded
  kNoParser,    // loaded profiles can be applied, but none can be loaded
  kFull,
};

// Thread-safe.
class AppArmor {
 public:
  // `root` is prepended to every path, for tests.
  explicit AppArmor(std::string root = "") : root_(std::move(root)) {}

  AppArmorSupport Support() const;

  // Ensures that `profile` is loaded in the kernel. The default profile is loaded at the first call,
  // replacing the version of an earlier daemon, and again if it was unloaded; without a parser, a loaded
  // version is accepted. kFailedPrecondition if another profile is not loaded, or if the default one is not
  // and there is no parser.
  Result<> Provide(const std::string& profile) EXCLUDES(loading_);

 private:
  std::string Parser() const;  // the path of apparmor_parser; empty: not installed
  Result<bool> IsLoaded(const std::string& profile) const;
  Result<> LoadDefault() const;

  const std::string root_;
  Mutex loading_;
  bool loaded_default_ GUARDED_BY(loading_) = false;
};

}  // namespace davit::cri
