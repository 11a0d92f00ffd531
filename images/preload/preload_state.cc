// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/preload/preload_state.h"

#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/file_io.h"

namespace davit::images {

FileStamp StampOf(const struct stat& status) {
  return {status.st_ino, status.st_size,
          int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

PreloadState::PreloadState(std::string path) : path_(std::move(path)) {
  auto text = ReadFile(path_);
  auto document = text ? Decode<Document>(*text, "preload state") : Result<Document>();
  if (!document) return;
  for (Loaded& file : document->files) {
    std::string name = file.name;
    files_[name] = std::move(file);
  }
}

const PreloadedImages* PreloadState::Find(const std::string& name, const FileStamp& stamp) const {
  auto file = files_.find(name);
  return file != files_.end() && file->second.stamp == stamp ? &file->second.images : nullptr;
}

Result<> PreloadState::Put(const std::string& name, const FileStamp& stamp, PreloadedImages images) {
  files_[name] = {name, stamp, std::move(images)};
  Document document;
  for (const auto& [key, file] : files_) document.files.push_back(file);
  std::filesystem::path path(path_);
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, path.parent_path(), O_RDONLY | O_DIRECTORY));
  return WriteFileAtomically(directory.get(), path.filename(), Encode(document), 0600, Durability::kDurable);
}

}  // namespace davit::images
