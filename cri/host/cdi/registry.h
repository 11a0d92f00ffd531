// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The devices that vendors have described on this host.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cdi/spec.h"

namespace davit::cdi {

// Stateless and thread-safe: the directories are read at each call, so a description counts as soon as it is
// there.
class Registry {
 public:
  // Of two descriptions of one device the one in the later directory counts.
  explicit Registry(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  const std::vector<std::string>& directories() const { return directories_; }

  // What these devices ("vendor.com/class=device") change in a container, in their order; what a file says
  // for all its devices comes once, before its first one. kNotFound names the first device that nobody
  // describes, with the files that could not be read; kFailedPrecondition one that two files of one directory
  // describe; kUnimplemented one that needs what Davit does not do.
  Result<std::vector<Edits>> Resolve(const std::vector<std::string>& devices) const;

  // For people: every device that Resolve would find, and what is wrong with the files.
  struct Content {
    std::vector<std::string> devices;
    std::vector<std::string> errors;
  };
  Content Describe() const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace davit::cdi
