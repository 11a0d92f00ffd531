// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: a directory of image verifiers that are shell scripts.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "images/testing/scratch_dir.h"

namespace davit::images {

class VerifierDirectory {
 public:
  VerifierDirectory() { std::filesystem::create_directory(path_); }

  const std::string& path() const { return path_; }
  // A file beside the directory, for what scripts write.
  std::string File(const std::string& name) const { return scratch_ / name; }

  // `commands` of /bin/sh.
  void Add(const std::string& name, const std::string& commands) const {
    AddFile(name, "#!/bin/sh\n" + commands + "\n");
  }
  void AddFile(const std::string& name, const std::string& content) const {
    std::string file = path_ + "/" + name;
    std::ofstream(file) << content;
    chmod(file.c_str(), 0755);
  }

 private:
  ScratchDir scratch_;
  const std::string path_ = scratch_ / "bin";
};

}  // namespace davit::images
