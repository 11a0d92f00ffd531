// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/preload/preloader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>
#include <vector>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/guarded.h"
#include "base/time.h"

namespace davit::images {
namespace {

constexpr std::array kArchives = {".tar", ".tar.gz", ".tar.zst"};
constexpr char kList[] = ".txt";
constexpr size_t kMaxList = 1 << 20;

bool IsArchive(const std::string& name) {
  return std::ranges::any_of(kArchives, [&name](const char* suffix) { return name.ends_with(suffix); });
}

// The names in a list: one a line, without comments and blanks.
std::vector<std::string> NamesIn(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    names.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return names;
}

}  // namespace

Preloader::Preloader(Config config, ImageLoad::Context context, Report report)
    : config_(std::move(config)),
      context_(std::move(context)),
      report_(std::move(report)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      state_(config_.state_file) {}

Result<std::unique_ptr<Preloader>> Preloader::Start(Config config, ImageLoad::Context context,
                                                    Report report) {
  std::unique_ptr<Preloader> preloader(
      new Preloader(std::move(config), std::move(context), std::move(report)));
  if (!preloader->stop_) return SystemError("eventfd", "preloader");
  TRY(preloader->Watch());
  preloader->thread_ = std::thread([self = preloader.get()] { self->Run(); });
  return preloader;
}

Preloader::~Preloader() {
  stopping_ = true;
  (void)eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

// Watches first and then looks: a file that appears in between is seen twice at most.
Result<> Preloader::Watch() {
  watch_.reset();
  if (mkdir(config_.directory.c_str(), 0700) < 0 && errno != EEXIST)
    return SystemError("mkdir", config_.directory);
  watch_.emplace(TRY(DirectoryWatch::Start(config_.directory)));
  LookAtAll();
  return {};
}

void Preloader::LookAtAll() {
  auto directory = OpenAt(AT_FDCWD, config_.directory, O_RDONLY | O_DIRECTORY);
  auto names = directory ? ListDirectory(directory->get()) : std::unexpected(directory.error());
  if (!names) return Tell("", "", names.error());
  pending_.insert(names->begin(), names->end());
}

void Preloader::Run() {
  while (!stopping_) {
    RunGuarded("preloader", [this] {
      while (!stopping_ && !pending_.empty()) Process(pending_.extract(pending_.begin()).value());
      if (!stopping_) Wait();
    });
  }
}

// Until a file changes, or it is time to try again.
void Preloader::Wait() {
  bool retries = !again_.empty() || !watch_;
  int64_t rest = retries ? std::max<int64_t>(0, again_at_ms_ - MonotonicMilliseconds()) : -1;
  pollfd entries[2] = {{stop_.get(), POLLIN, 0}, {watch_ ? watch_->fd() : -1, POLLIN, 0}};
  int ready = poll(entries, 2, static_cast<int>(rest));
  if (stopping_) return;
  if (ready > 0 && entries[1].revents != 0) TakeChanges();
  if (!retries || MonotonicMilliseconds() < again_at_ms_) return;
  pending_.merge(std::exchange(again_, {}));
  again_at_ms_ = MonotonicMilliseconds() + config_.retry_ms;
  if (watch_) return;
  if (auto watched = Watch(); !watched) Tell("", "", watched.error());
}

void Preloader::TakeChanges() {
  auto changes = watch_->Take();
  if (!changes || changes->gone) {
    watch_.reset();
    again_at_ms_ = MonotonicMilliseconds() + config_.retry_ms;
    auto watched = Watch();
    return watched ? void() : Tell("", "", watched.error());
  }
  pending_.merge(changes->files);
  if (changes->all) LookAtAll();
}

void Preloader::Tell(const std::string& name, const std::string& image, std::optional<Error> error) const {
  if (stopping_) return;
  report_({name.empty() ? config_.directory : config_.directory + "/" + name, image, std::move(error)});
}

// O_NONBLOCK, because a FIFO would block.
Result<Preloader::OpenedFile> Preloader::Open(const std::string& name) const {
  std::string path = config_.directory + "/" + name;
  OpenedFile file{TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK)), {}};
  struct stat status;
  if (fstat(file.fd.get(), &status) < 0) return SystemError("fstat", path);
  if (!S_ISREG(status.st_mode)) return Fail(Code::kInvalidArgument, "open", path, "not a regular file");
  file.stamp = StampOf(status);
  return file;
}

bool Preloader::IsLoaded(const std::string& name, const FileStamp& stamp) const {
  const std::vector<std::string>* ids = state_.Find(name, stamp);
  return ids && std::ranges::all_of(
                    *ids, [this](const std::string& id) { return context_.images.Find(id).has_value(); });
}

void Preloader::Process(const std::string& name) {
  if (!IsArchive(name) && !name.ends_with(kList)) return;
  auto file = Open(name);
  if (!file && file.error().code == Code::kNotFound) return;  // it was removed meanwhile
  if (!file) return Tell(name, "", file.error());
  if (IsLoaded(name, file->stamp)) return;
  auto outcome = IsArchive(name) ? LoadArchive(name, file->fd.get()) : PullList(name, file->fd.get());
  if (!outcome) return Tell(name, "", outcome.error());
  if (outcome->retry) RetryLater(name);
  if (!outcome->complete) return;
  if (auto put = state_.Put(name, file->stamp, std::move(outcome->ids)); !put) Tell(name, "", put.error());
}

void Preloader::RetryLater(const std::string& name) {
  if (again_.empty()) again_at_ms_ = MonotonicMilliseconds() + config_.retry_ms;
  again_.insert(name);
}

Result<Preloader::Outcome> Preloader::LoadArchive(const std::string& name, int fd) {
  LoadReport loaded = TRY(LoadImages(context_, fd, interrupt_));
  for (const Error& failure : loaded.failures) Tell(name, "", failure);
  Outcome outcome;
  outcome.complete = loaded.failures.empty();
  for (const LoadedImage& image : loaded.loaded) {
    TRY(context_.images.Pin(image.id));
    outcome.ids.push_back(image.id);
    Tell(name, image.tags.empty() ? image.id : image.tags.front());
  }
  return outcome;
}

Result<std::string> Preloader::HaveImage(const std::string& reference) {
  auto image = context_.images.Find(reference);
  if (!image) {
    PullRequest request;
    request.reference = reference;
    request.cancelled = [this] { return stopping_.load(); };
    image = TRY(context_.images.Pull(request));
  }
  TRY(context_.images.Pin(image->id));
  return image->id;
}

Result<Preloader::Outcome> Preloader::PullList(const std::string& name, int fd) {
  Outcome outcome;
  for (const std::string& reference : NamesIn(TRY(ReadFd(fd, name, kMaxList)))) {
    TRY(interrupt_.Check());
    auto id = HaveImage(reference);
    Tell(name, reference, id ? std::optional<Error>() : id.error());
    if (id) outcome.ids.push_back(std::move(*id));
    if (!id) outcome.complete = false;
    if (!id && id.error().code != Code::kInvalidArgument) outcome.retry = true;
  }
  return outcome;
}

}  // namespace davit::images
