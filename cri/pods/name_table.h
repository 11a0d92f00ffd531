// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which metadata is taken, and by which request.
#pragma once

#include <future>
#include <map>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"

namespace davit {

// A client whose call timed out sends it again. The second request must find the first one's work, finished
// or not, and never an error that the name is reserved; a request with another configuration must never get
// it.
class NameTable {
 public:
  struct Claim {
    bool owner = false;                               // true: do the work, then Settle
    std::shared_future<Result<std::string>> outcome;  // false: the id that the owner got, or its error
  };

  // `fingerprint` is the whole configuration. kAlreadyExists, naming the holder, when the name is held by
  // another one.
  Result<Claim> Take(const std::string& name, const std::string& fingerprint) EXCLUDES(mutex_);

  // The owner's result, once: the id that holds the name from now on. An error frees the name, so that the
  // next request may try again.
  void Settle(const std::string& name, Result<std::string> outcome) EXCLUDES(mutex_);

  // `holder` is gone. Nothing when the name is another one's by now, or claimed by a request in progress.
  void Release(const std::string& name, const std::string& holder) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string fingerprint;
    std::string holder;  // its id, once it has one
    std::promise<Result<std::string>> promise;
    std::shared_future<Result<std::string>> outcome;
  };

  Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace davit
