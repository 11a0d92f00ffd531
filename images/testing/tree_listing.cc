// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/tree_listing.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "images/digest.h"

namespace davit::images {
namespace {

std::string Xattrs(const std::string& path) {
  std::string names(65536, '\0');
  ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  std::set<std::string> lines;
  for (size_t pos = 0; size > 0 && pos < static_cast<size_t>(size);) {
    std::string name = names.c_str() + pos;
    pos += name.size() + 1;
    if (name.starts_with("trusted.") || name == "security.selinux") continue;
    std::string value(65536, '\0');
    ssize_t length = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
    lines.insert(name + "=" + Sha256Of(value)->substr(7, 12));
  }
  std::string text;
  for (const std::string& line : lines) text += " " + line;
  return text;
}

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string data{std::istreambuf_iterator<char>(file), {}};
  return Sha256Of(data)->substr(7, 12);
}

}  // namespace

std::string ListTree(const std::string& root, const std::set<std::string>& untimed) {
  std::vector<std::string> paths = {""};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    paths.push_back(entry.path().string().substr(root.size()));
  }
  std::sort(paths.begin(), paths.end());
  std::map<ino_t, std::string> first_names;
  std::ostringstream listing;
  for (const std::string& path : paths) {
    std::string full = root + path;
    struct stat status{};
    if (lstat(full.c_str(), &status) < 0) continue;
    bool is_dir = S_ISDIR(status.st_mode);
    std::string shown = path.empty() ? "/" : path;
    listing << shown << " " << std::oct << status.st_mode << std::dec << " " << status.st_uid << ":"
            << status.st_gid;
    if (S_ISREG(status.st_mode)) listing << " " << status.st_size << " " << Content(full);
    if (S_ISLNK(status.st_mode)) listing << " -> " << std::filesystem::read_symlink(full).string();
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      listing << " " << major(status.st_rdev) << ":" << minor(status.st_rdev);
    }
    if (!untimed.contains(shown)) listing << " @" << status.st_mtim.tv_sec << "." << status.st_mtim.tv_nsec;
    if (!is_dir && status.st_nlink > 1)
      listing << " is " << first_names.emplace(status.st_ino, path).first->second;
    listing << Xattrs(full) << "\n";
  }
  return listing.str();
}

}  // namespace davit::images
