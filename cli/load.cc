// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "cli/text.h"
#include "cli/transfer_display.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

// An archive that is read from a file or a pipe.
class ArchiveInput {
 public:
  ArchiveInput(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
    struct stat status;
    if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) size_ = status.st_size;
  }

  // The next piece; an empty one at the end, or if `over` is readable.
  Result<> Read(std::string& piece, int over) {
    piece.resize(kPieceBytes);
    pollfd waits[] = {{fd_, POLLIN, 0}, {over, POLLIN, 0}};
    while (poll(waits, 2, /*timeout=*/-1) < 0) {
      if (errno != EINTR) return SystemError("poll", name_);
    }
    ssize_t got = waits[1].revents != 0 ? 0 : TEMP_FAILURE_RETRY(read(fd_, piece.data(), piece.size()));
    if (got < 0) return SystemError("read", name_);
    piece.resize(static_cast<size_t>(got));
    position_ += got;
    return {};
  }

  // As a line above those of the layers.
  LayerChanges Progress() const {
    LayerChanges changes;
    ::davit::v1::LayerProgress& line = *changes.Add();
    line.set_digest("archive");
    line.set_state(::davit::v1::LayerProgress::UPLOADING);
    line.set_received(position_);
    line.set_size(size_);
    return changes;
  }

 private:
  const int fd_;
  const std::string name_;
  int64_t size_ = 0;  // 0: not known
  int64_t position_ = 0;
};

using Results = google::protobuf::RepeatedPtrField<api::ImportResult>;

// `display` may be null.
Result<Results> Import(const Session& session, ArchiveInput& input, TransferDisplay* display) {
  Results results;
  TRY((session.daemon.Exchange<api::ImportImagesRequest, api::ImportImagesResponse>(
      &OwnImageStub::Import,
      [&](api::ImportImagesRequest& message, int over) -> Result<bool> {
        TRY(input.Read(*message.mutable_data(), over));
        message.set_end(message.data().empty());
        if (display && display->on_terminal()) display->Apply(input.Progress());
        return !message.end();
      },
      [&](const api::ImportImagesResponse& message) {
        if (display) display->Apply(message.layers());
        results.MergeFrom(message.results());
      },
      CallMode::kPatient)));
  return results;
}

Result<Results> Load(const Session& session, const LoadOptions& options, int fd) {
  ArchiveInput input(fd, options.file.empty() ? "standard input" : options.file);
  bool shows = !options.quiet && session.console.format == OutputFormat::kTable;
  if (!shows) return Import(session, input, nullptr);
  TransferDisplay display(session.console.out, Transfer::kLoad);
  return Import(session, input, &display);
}

nlohmann::json ToJson(const Results& results) {
  nlohmann::json list = nlohmann::json::array();
  for (const api::ImportResult& result : results) {
    nlohmann::json item = {{"id", result.id()}};
    item["tags"] = std::vector<std::string>(result.tags().begin(), result.tags().end());
    item["digests"] = std::vector<std::string>(result.digests().begin(), result.digests().end());
    item["warnings"] = std::vector<std::string>(result.warnings().begin(), result.warnings().end());
    if (!result.error().empty()) item["error"] = result.error();
    list.push_back(std::move(item));
  }
  return list;
}

std::string ToText(const Results& results) {
  std::string text;
  for (const api::ImportResult& result : results) {
    for (const auto* names : {&result.tags(), &result.digests()})
      for (const std::string& name : *names) text += "Loaded image: " + Printable(name) + "\n";
    if (result.tags().empty() && result.digests().empty() && result.error().empty())
      text += "Loaded image ID: " + Printable(result.id()) + "\n";
  }
  return text;
}

// The last failure is the command's; the others are remarks.
Result<int> Report(const Console& console, const Results& results) {
  std::string failure;
  for (const api::ImportResult& result : results) {
    for (const std::string& warning : result.warnings()) console.Remark(warning);
    if (result.error().empty()) continue;
    if (!failure.empty()) console.Remark(failure);
    failure = result.error();
  }
  if (results.empty())
    return Fail(Code::kInternal, "load", "archive", "the daemon did not say what it has loaded");
  if (failure.empty()) return 0;
  return Fail(Code::kFailedPrecondition, "", "", failure);
}

}  // namespace

Result<int> Perform(const Session& session, const LoadOptions& options) {
  const Console& console = session.console;
  UniqueFd file;
  if (!options.file.empty()) {
    file = TRY(OpenAt(AT_FDCWD, options.file, O_RDONLY));
  } else if (isatty(console.in) != 0) {
    return Fail(Code::kFailedPrecondition, "", "load",
                "an archive does not come from a terminal; use -i FILE or redirect the input");
  }
  Results results = TRY(Load(session, options, file ? file.get() : console.in));
  if (console.format == OutputFormat::kJson)
    TRY(console.PrintJson(ToJson(results)));
  else
    TRY(console.Print(ToText(results)));
  return Report(console, results);
}

}  // namespace davit::cli
