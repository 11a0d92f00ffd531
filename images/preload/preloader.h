// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads the images that an operator puts into a directory, so that a node without a network has them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/archive/image_load.h"
#include "images/image_store.h"
#include "images/interrupt.h"
#include "images/preload/directory_watch.h"
#include "images/preload/preload_state.h"

namespace davit::images {

// What became of a file, or of one image in it.
struct PreloadEvent {
  std::string file;            // path
  std::string image;           // a tag or id; may be empty after a failure
  std::optional<Error> error;  // none: the image is on the node, and pinned
};

// One thread reads the directory at the start, and later each file that appears or changes.
//   *.tar, *.tar.gz, *.tar.zst   an archive of images (image_load.h)
//   *.txt                        one image name per line; "#" begins a comment. An image that the node lacks
//                                is pulled, without credentials.
// Other files are ignored. The images are pinned, and stay when their file is removed. A bad file is reported
// and does not stop the others. A file that failed is read again when it changes; a list of which a pull has
// failed is read again every few minutes as well.
class Preloader {
 public:
  struct Config {
    std::string directory;   // created with mode 0700 if it is missing
    std::string state_file;  // see PreloadState
    int64_t retry_ms = 5 * 60 * 1000;
  };
  // Called on the preloader's thread.
  using Report = std::function<void(const PreloadEvent& event)>;

  // `context` as in ImageLoad.
  static Result<std::unique_ptr<Preloader>> Start(Config config, ImageLoad::Context context, Report report);
  // Cancels what it does and joins the thread.
  ~Preloader();
  Preloader(const Preloader&) = delete;
  Preloader& operator=(const Preloader&) = delete;

 private:
  struct OpenedFile {
    UniqueFd fd;
    FileStamp stamp;
  };

  struct Outcome {
    std::vector<std::string> ids;
    bool complete = true;  // all images are on the node
    bool retry = false;    // a pull failed that may succeed later
  };

  Preloader(Config config, ImageLoad::Context context, Report report);

  void Run();
  void Wait();
  Result<> Watch();
  void TakeChanges();
  void LookAtAll();
  void Process(const std::string& name);
  Result<OpenedFile> Open(const std::string& name) const;
  void RetryLater(const std::string& name);
  Result<Outcome> LoadArchive(const std::string& name, int fd);
  Result<Outcome> PullList(const std::string& name, int fd);
  Result<std::string> HaveImage(const std::string& reference);
  bool IsLoaded(const std::string& name, const FileStamp& stamp) const;
  void Tell(const std::string& name, const std::string& image,
            std::optional<Error> error = std::nullopt) const;

  const Config config_;
  const ImageLoad::Context context_;
  const Report report_;
  std::atomic<bool> stopping_ = false;
  const Interrupt interrupt_{[this] { return !stopping_; }};
  UniqueFd stop_;  // an eventfd, readable when stopping_
  PreloadState state_;
  std::optional<DirectoryWatch> watch_;
  std::set<std::string> pending_;  // names of files
  std::set<std::string> again_;    // lists with pulls that failed
  int64_t again_at_ms_ = 0;        // MonotonicMilliseconds(), for again_
  std::thread thread_;             // last member, because it uses the others
};

}  // namespace davit::images
