// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which files of the preload directory were loaded, so that a start does not read gigabytes again.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"

namespace davit::images {

// Tells whether a file has changed.
struct FileStamp {
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t changed_ns = 0;  // st_ctim

  auto Fields() { return FieldList(Field<1>(inode), Field<2>(size), Field<3>(changed_ns)); }
  bool operator==(const FileStamp&) const = default;
};

FileStamp StampOf(const struct stat& status);

// A tag or digest reference that a file has given to an image.
struct PreloadedTag {
  std::string tag;  // normalised; of a list: as it was written
  std::string id;

  auto Fields() { return FieldList(Field<1>(tag), Field<2>(id)); }
};

// The images that a file has given.
struct PreloadedImages {
  std::vector<std::string> ids;
  std::vector<PreloadedTag> tags;  // none: an older release has recorded only the ids
};

// Not thread-safe.
class PreloadState {
 public:
  // Reads the file `path`. One that is missing or cannot be read is as an empty one: all files are loaded
  // again, which does no harm.
  explicit PreloadState(std::string path);

  // Null if the file was not loaded, or has changed since.
  const PreloadedImages* Find(const std::string& name, const FileStamp& stamp) const;

  // Records it, durably.
  Result<> Put(const std::string& name, const FileStamp& stamp, PreloadedImages images);

 private:
  struct Loaded {
    std::string name;
    FileStamp stamp;
    PreloadedImages images;

    auto Fields() {
      return FieldList(Field<1>(name), Field<2>(stamp), Field<3>(images.ids), Field<4>(images.tags));
    }
  };
  struct Document {
    std::vector<Loaded> files;

    auto Fields() { return FieldList(Field<1>(files)); }
  };

  const std::string path_;
  std::map<std::string, Loaded> files_;  // by name
};

}  // namespace davit::images
