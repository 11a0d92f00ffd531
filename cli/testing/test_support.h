// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support of this folder.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file_io.h"
#include "base/unique_fd.h"
#include "cli/console.h"

namespace davit::cli {

// A temporary directory; the destructor removes it with its content.
class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/davit-cli-test-XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A console that keeps its output in memory.
class CapturedConsole {
 public:
  explicit CapturedConsole(OutputFormat format = OutputFormat::kTable)
      : out_(memfd_create("out", MFD_CLOEXEC)), err_(memfd_create("err", MFD_CLOEXEC)) {
    console_ = {.out = out_.get(), .err = err_.get(), .format = format};
    SetInput("");
  }

  const Console& console() const { return console_; }
  void SetFormat(OutputFormat format) { console_.format = format; }
  // What the verb reads from standard input, which is no terminal.
  void SetInput(const std::string& text) {
    in_ = UniqueFd(memfd_create("in", MFD_CLOEXEC));
    EXPECT_TRUE(WriteAll(in_.get(), text, "input"));
    lseek(in_.get(), 0, SEEK_SET);
    console_.in = in_.get();
  }
  std::string Out() const { return Content(out_); }
  std::string Err() const { return Content(err_); }

 private:
  static std::string Content(const UniqueFd& fd) {
    lseek(fd.get(), 0, SEEK_SET);
    return ReadFd(fd.get(), "captured").value();
  }

  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
  Console console_;
};

}  // namespace davit::cli
