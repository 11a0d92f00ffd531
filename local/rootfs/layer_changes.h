// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the writable layer of an overlay changes of the layers below.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace davit::local {

enum class ChangeKind : char { kAdded = 'A', kModified = 'C', kDeleted = 'D' };

class ChangeSink {
 public:
  virtual ~ChangeSink() = default;

  // The entry `name` of the directory `parent_fd` in the writable layer has `path`, relative to the root.
  struct Change {
    ChangeKind kind;
    int parent_fd;
    std::string name;
    std::string path;
    // A directory that hides all that the layers below have in it; what was really there follows as deleted.
    bool opaque = false;
  };
  // Parents come before what is in them. Of what is deleted only `name` and `path` exist.
  virtual Result<> Take(const Change& change) = 0;
};

// What to do with directories that are deeper, or have a longer path, than readers of layers take.
enum class TooDeep : uint8_t { kFail, kOmit };

// A walk of the writable layer, in the order of names. As in Docker, a directory is modified if an entry in
// it, or its own owner, mode or time, is. Needs CAP_SYS_ADMIN, to see which directories are opaque. Not
// thread-safe.
class LayerChanges {
 public:
  LayerChanges(ChangeSink& sink, TooDeep too_deep) : sink_(sink), too_deep_(too_deep) {}

  // `base_fd`: the files of the layers below; -1: there are none. With TooDeep::kFail: kResourceExhausted;
  // with kOmit such a directory is taken as one without entries.
  Result<> Walk(int upper_fd, int base_fd);

 private:
  struct Parent {
    ChangeSink::Change change;
    bool told = false;
  };

  Result<> WalkDirectory(int upper_fd, int base_fd, const std::string& path, bool opaque);
  Result<> Visit(int upper_fd, int base_fd, const std::string& name, const std::string& path);
  Result<> VisitDirectory(ChangeSink::Change change, int base_fd, bool changed);
  // What the layers below have in an opaque directory that the writable layer does not have.
  Result<> TellHidden(int base_fd, const std::vector<std::string>& kept, const std::string& path);
  Result<> Tell(const ChangeSink::Change& change);

  ChangeSink& sink_;
  const TooDeep too_deep_;
  std::vector<Parent> parents_;
  size_t name_bytes_ = 0;
};

}  // namespace davit::local
