// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files that the daemon creates for a pod: hosts, hostname and resolv.conf.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cri/pods/pod.h"
#include "cri/spec/pod_files.h"

namespace davit::cri {

// Each pod has its own directory below `directory`. Thread-safe, except that each pod may have only one
// caller at a time.
class PodDirectories {
 public:
  // `selinux_context` is the label of every file; empty: no label. It must have no categories: containers of
  // one pod may have different levels, and all of them read these files.
  PodDirectories(std::string directory, std::string selinux_context)
      : directory_(std::move(directory)), selinux_context_(std::move(selinux_context)) {}

  // The paths of the pod's files, which need not exist yet.
  PodFiles FilesOf(const std::string& sandbox_id) const;
  // Writes all files of the pod; may be called again. `addresses` are the pod's IP addresses.
  Result<> Write(const Sandbox& sandbox, const std::vector<std::string>& addresses) const;
  // Idempotent. Files that cannot be removed are removed at the daemon's next start (RemoveUnknown).
  void Remove(const std::string& sandbox_id) const;
  // Removes the directories of pods for which `known` is false.
  void RemoveUnknown(const std::function<bool(const std::string&)>& known) const;

 private:
  std::string DirectoryOf(const std::string& sandbox_id) const;
  Result<> WriteFile(const std::string& path, const std::string& text) const;

  const std::string directory_;
  const std::string selinux_context_;
};

}  // namespace davit::cri
