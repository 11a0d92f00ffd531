// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which network configuration of a directory is in force while files there change.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/plugin_config.h"

namespace davit::cni {

// Thread-safe. Reads the directory at every call of Read, so that a change applies from the next pod on.
class PluginSource {
 public:
  explicit PluginSource(std::string conf_dir) : conf_dir_(std::move(conf_dir)) {}

  struct Reading {
    // The configuration in force: LoadPluginList's, or the last valid one of this process if that fails.
    // Without a file nothing is in force: kNotFound. The error of an invalid file if there was no valid one
    // before.
    Result<PluginList> in_force;
    // Why a newer configuration is not in force; it names the file, the line and the key.
    std::optional<Error> complaint;
  };
  Reading Read() EXCLUDES(mutex_);

 private:
  const std::string conf_dir_;
  Mutex mutex_;
  std::optional<PluginList> last_valid_ GUARDED_BY(mutex_);
};

}  // namespace davit::cni
