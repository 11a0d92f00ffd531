// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/output_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file_io.h"

namespace davit::cli {
namespace {

// Makes the rename of a file in the directory durable.
Result<> SyncDirectory(const std::string& path) {
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (fsync(directory.get()) < 0) return SystemError("fsync", path);
  return {};
}

std::string DirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& path) {
  struct stat status;
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return SystemError("open", path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) return OutputFile(TRY(OpenAt(AT_FDCWD, path, O_WRONLY)), path, "");
  std::error_code none;
  std::string target = exists ? std::filesystem::canonical(path, none).string() : path;
  if (target.empty()) target = path;
  std::string name = std::filesystem::path(target).filename().string();
  std::string temporary = DirectoryOf(target) + "/." + name + ".XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return SystemError("create", target);
  return OutputFile(std::move(fd), std::move(target), std::move(temporary));
}

OutputFile::~OutputFile() {
  if (fd_ && !temporary_.empty()) (void)unlink(temporary_.c_str());
}

Result<> OutputFile::Write(std::string_view piece) {
  return WriteAll(fd_.get(), piece, path_);
}

Result<> OutputFile::Commit() {
  if (temporary_.empty()) return {};
  if (fsync(fd_.get()) < 0) return SystemError("fsync", path_);
  if (rename(temporary_.c_str(), path_.c_str()) < 0) return SystemError("rename", path_);
  temporary_.clear();
  return SyncDirectory(DirectoryOf(path_));
}

}  // namespace davit::cli
