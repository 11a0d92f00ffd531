// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of a project as one canonical document: include, extends, and one file over the other.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/compose/model/interpolation.h"
#include "cli/compose/model/load.h"
#include "cli/compose/model/rules.h"

namespace davit::cli::compose {

class FileSet {
 public:
  FileSet(const ReadText& read, Problems& problems) : read_(read), problems_(problems) {}

  // Relative paths in the files are relative to `directory`. No value: there are problems.
  std::optional<Value> Read(const std::vector<std::string>& files, const std::string& directory,
                            const Environment& environment);

  // Variables without a value.
  const std::set<std::string>& unset() const { return unset_; }

 private:
  // Where a file is read.
  struct Scope {
    std::string directory;
    const Environment& environment;
    int depth = 0;          // of include
    std::string file = {};  // that extends has named; empty: one of the project
  };

  std::optional<Value> ReadAll(const std::vector<std::string>& files, const Scope& scope);
  // Canonical, with what it includes, and without extends.
  std::optional<Value> ReadOne(const std::string& file, const Scope& scope);
  std::optional<Value> ReadCanonical(const std::string& file, const Scope& scope);
  void Include(Value& model, const std::string& file, const Scope& scope);
  std::optional<Value> Included(const Value& entry, const Scope& scope);
  void Import(Value& model, const Value& included);
  void Extend(Value& model, const Scope& scope);
  std::optional<Value> Extended(const Value& services, const std::string& name, const Scope& scope,
                                std::vector<std::string>& chain);
  std::optional<Value> BaseOf(const Value& services, const Value& extends, const Scope& scope,
                              std::vector<std::string>& chain);

  const ReadText& read_;
  Problems& problems_;
  std::set<std::string> unset_;
  std::map<std::string, Value> extended_files_;  // canonical, by path
  size_t files_ = 0;
};

}  // namespace davit::cli::compose
