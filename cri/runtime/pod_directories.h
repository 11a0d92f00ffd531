// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files that the daemon makes for a pod: hosts, hostname and resolv.conf.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cri/pods/pod.h"
#include "cri/spec/pod_files.h"

namespace davit {

// Each pod has a directory of its own below one directory. Thread-safe, with one caller at a time for one
// pod.
class PodDirectories {
 public:
  // `selinux_context`: of every file; empty: none. Without categories: containers of one pod may have levels
  // of their own, and all of them read these.
  PodDirectories(std::string directory, std::string selinux_context)
      : directory_(std::move(directory)), selinux_context_(std::move(selinux_context)) {}

  // Where the pod's files are, or will be.
  PodFiles FilesOf(const std::string& sandbox_id) const;
  // Writes all of them, again as well. `addresses` are the pod's.
  Result<> Write(const Sandbox& sandbox, const std::vector<std::string>& addresses) const;
  // Idempotent. What cannot be removed is removed at the daemon's next start, when no record names it.
  void Remove(const std::string& sandbox_id) const;
  // Removes the directories of pods for which `known` is false.
  void RemoveUnknown(const std::function<bool(const std::string&)>& known) const;

 private:
  std::string DirectoryOf(const std::string& sandbox_id) const;
  Result<> WriteFile(const std::string& path, const std::string& text) const;

  const std::string directory_;
  const std::string selinux_context_;
};

}  // namespace davit
