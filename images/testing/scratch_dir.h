// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A temporary directory that its destructor removes.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <string>

#include "base/unique_fd.h"

namespace davit::images {

class ScratchDir {
 public:
  ScratchDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-images-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    fd_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace davit::images
