// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/pod_directories.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"
#include "base/selinux_attribute.h"

namespace davit::cri {

std::string PodDirectories::DirectoryOf(const std::string& sandbox_id) const {
  return directory_ + "/" + sandbox_id;
}

PodFiles PodDirectories::FilesOf(const std::string& sandbox_id) const {
  std::string dir = DirectoryOf(sandbox_id);
  return PodFiles{dir + "/hosts", dir + "/resolv.conf", dir + "/hostname"};
}

Result<> PodDirectories::Write(const Sandbox& sandbox, const std::vector<std::string>& addresses) const {
  std::string dir = DirectoryOf(sandbox.id());
  if (mkdir(dir.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", dir);
  PodFiles paths = FilesOf(sandbox.id());
  PodFileContents contents = TRY(RenderPodFiles(sandbox.config(), addresses));
  TRY(WriteFile(paths.hosts, contents.hosts));
  TRY(WriteFile(paths.hostname, contents.hostname));
  return WriteFile(paths.resolv_conf, contents.resolv_conf);
}

Result<> PodDirectories::WriteFile(const std::string& path, const std::string& text) const {
  UniqueFd fd = TRY(OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  if (!selinux_context_.empty()) TRY(SetSeLinuxContext(fd.get(), selinux_context_, path));
  return WriteAll(fd.get(), text, path);
}

void PodDirectories::Remove(const std::string& sandbox_id) const {
  std::error_code ignored;
  std::filesystem::remove_all(DirectoryOf(sandbox_id), ignored);
}

void PodDirectories::RemoveUnknown(const std::function<bool(const std::string&)>& known) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    if (!known(entry.path().filename())) std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace davit::cri
