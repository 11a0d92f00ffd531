// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_source.h"

namespace davit::cni {

PluginSource::Reading PluginSource::Read() {
  Result<PluginList> present = LoadPluginList(conf_dir_);
  MutexLock lock(mutex_);
  if (present) {
    last_valid_ = *present;
  } else if (present.error().code == Code::kNotFound) {
    last_valid_.reset();
  } else if (last_valid_) {
    return {*last_valid_, std::move(present).error()};
  }
  return {std::move(present), std::nullopt};
}

}  // namespace davit::cni
