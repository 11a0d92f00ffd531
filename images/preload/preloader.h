// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads the images that an operator puts into a directory, so that a node without a network has them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
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
  std::string file;                        // path
  std::string image;                       // a tag or id; may be empty after a failure
  std::optional<Error> error;              // none: the image is on the node, and pinned
  std::vector<std::string> warnings = {};  // as in LoadedImage
};

// One thread reads the directory at the start, and later each file that appears or changes.
//   *.tar, *.tar.gz, *.tar.zst   an archive of images (image_load.h)
//   *.txt                        one image name per line; "#" begins a comment. An image that the node lacks
//                                is pulled, without credentials.
// Other files are ignored. The images are pinned, and stay when their file is removed. A bad file is reported
// and does not stop the others. A file that failed is read again when it changes. If the reason may pass,
// such as a full disk or a registry that does not answer, it is read again without a change, too: a list
// every few minutes, an archive five times, after pauses that grow to an hour, because all of it has to be
// read.
//
// A file is loaded if the node has its images, and each tag of theirs means an image. At the start and in
// LookAgain, a tag that was taken away is given back, and a file with an image that is gone is loaded again.
// LookAgain reads no file before its pause is over, and none that has failed for good and not lost an image.
class Preloader {
 public:
  struct Config {
    std::string directory;             // created with mode 0700 if it is missing
    std::string state_file;            // see PreloadState
    int64_t retry_ms = 5 * 60 * 1000;  // the first pause, and that of lists
  };
  // Called on the preloader's thread.
  using Report = std::function<void(const PreloadEvent& event)>;

  // `context` as in ImageLoad.
  static Result<std::unique_ptr<Preloader>> Start(Config config, ImageLoad::Context context, Report report);
  // Cancels what it does and joins the thread.
  ~Preloader();
  // Looks at all files once more, on the preloader's thread, because images may be gone. Thread-safe.
  void LookAgain();
  Preloader(const Preloader&) = delete;
  Preloader& operator=(const Preloader&) = delete;

 private:
  struct OpenedFile {
    UniqueFd fd;
    FileStamp stamp;
  };

  struct Outcome {
    PreloadedImages images;
    bool complete = true;  // all images are on the node
    bool retry = false;    // something failed that may succeed later
  };
  struct Retry {
    int count = 0;
    int64_t pause_ms = 0;
    int64_t at_ms = 0;  // MonotonicMilliseconds()
  };
  struct Attempt {
    FileStamp stamp;
    PreloadedImages images;  // that the node has by it
  };

  Preloader(Config config, ImageLoad::Context context, Report report);

  void Run();
  void Wait();
  Result<> Watch();
  void TakeChanges();
  void LookAtAll();
  void Process(const std::string& name);
  Result<Outcome> Load(const std::string& name);
  Result<Outcome> LoadOpened(const std::string& name, const OpenedFile& file);
  Result<OpenedFile> Open(const std::string& name) const;
  int64_t MsToNextRetry() const;
  void TakeRetries();
  // Returns false if the file was tried often enough.
  bool RetryLater(const std::string& name);
  Result<Outcome> LoadArchive(const std::string& name, int fd);
  Result<Outcome> PullList(const std::string& name, int fd);
  Result<std::string> HaveImage(const std::string& reference);
  bool IsLoaded(const std::string& name, const FileStamp& stamp) const;
  bool HasFailedForGood(const std::string& name, const FileStamp& stamp) const;
  bool HasAll(const std::string& name, const PreloadedImages& images) const;
  bool HaveTag(const std::string& name, const PreloadedTag& tag) const;
  void Tell(const std::string& name, const std::string& image, std::optional<Error> error = std::nullopt,
            std::vector<std::string> warnings = {}) const;

  const Config config_;
  const ImageLoad::Context context_;
  const Report report_;
  std::atomic<bool> stopping_ = false;
  const Interrupt interrupt_{[this] { return !stopping_; }};
  std::atomic<bool> look_again_ = false;
  UniqueFd wake_;  // an eventfd, readable when one of these was set
  PreloadState state_;
  std::optional<DirectoryWatch> watch_;
  std::set<std::string> pending_;          // names of files
  std::map<std::string, Retry> retries_;   // by the name of the file, empty for the directory itself
  std::map<std::string, Attempt> failed_;  // the last attempt of files that are not loaded completely
  std::thread thread_;                     // last member, because it uses the others
};

}  // namespace davit::images
