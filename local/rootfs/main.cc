// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-rootfs: carries out one request (request.h). Started by the daemon only.
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/guarded.h"
#include "base/memfd.h"
#include "base/pid_namespace.h"
#include "images/digest.h"
#include "images/unpack/chunk_stream.h"
#include "images/unpack/decompress.h"
#include "images/unpack/expansion_limit.h"
#include "images/unpack/layer_path.h"
#include "local/rootfs/enter.h"
#include "local/rootfs/gzip_output.h"
#include "local/rootfs/layer_changes.h"
#include "local/rootfs/request.h"
#include "local/tree/extract_tree.h"
#include "local/tree/locate.h"
#include "local/tree/pack_tree.h"

namespace davit::local {
namespace {

constexpr size_t kOutputBytes = 256 << 10;

// Fewer, larger writes to the daemon.
class Output {
 public:
  Result<> Write(std::string_view piece) {
    if (buffer_.size() + piece.size() > kOutputBytes) TRY(Flush());
    if (piece.size() >= kOutputBytes) return WriteAll(STDOUT_FILENO, piece, "output");
    buffer_ += piece;
    return {};
  }
  Result<> Flush() {
    TRY(WriteAll(STDOUT_FILENO, buffer_, "output"));
    buffer_.clear();
    return {};
  }

 private:
  std::string buffer_;
};

// Compresses a layer and digests it before.
class LayerOutput {
 public:
  LayerOutput(Output& output, images::Hasher hasher)
      : hasher_(std::move(hasher)),
        gzip_([&output](std::string_view piece) { return output.Write(piece); }) {}

  Result<> Write(std::string_view piece) {
    hasher_.Update(piece);
    return gzip_.Write(piece);
  }
  // Returns the digest.
  Result<std::string> Finish() {
    TRY(gzip_.Finish());
    return hasher_.Finish();
  }

 private:
  images::Hasher hasher_;
  GzipOutput gzip_;
};

// "A/path" and a NUL for each change.
class ChangeList : public ChangeSink {
 public:
  explicit ChangeList(Output& output) : output_(output) {}

  Result<> Take(const Change& change) override {
    std::string record(1, static_cast<char>(change.kind));
    record.append("/").append(change.path).push_back('\0');
    return output_.Write(record);
  }

 private:
  Output& output_;
};

// A layer (OCI image-spec layer.md).
class ChangeLayer : public ChangeSink {
 public:
  ChangeLayer(TarOutput& tar, TreePacker& packer) : tar_(tar), packer_(packer) {}

  Result<> Take(const Change& change) override {
    if (change.name.starts_with(images::kWhiteoutPrefix))
      return Fail(Code::kFailedPrecondition, "make layer", change.path,
                  "layers cannot have files with names that begin with .wh.");
    std::string dir(images::DirName(change.path));
    if (change.kind == ChangeKind::kDeleted)
      return AddMark(images::JoinPath(dir, std::string(images::kWhiteoutPrefix) + change.name));
    if (!TRY(packer_.AddOne(change.parent_fd, change.name, change.path)) || !change.opaque) return {};
    return AddMark(images::JoinPath(change.path, images::kOpaqueMarker));
  }

 private:
  Result<> AddMark(std::string name) {
    images::TarEntry entry;
    entry.name = std::move(name);
    return tar_.Begin(entry);
  }

  TarOutput& tar_;
  TreePacker& packer_;
};

class Worker {
 public:
  Worker(const RootfsRequest& request, images::Hasher hasher, RootfsReport& report)
      : request_(request), layer_(output_, std::move(hasher)), report_(report) {}

  Result<> Run() {
    Result<> done = Perform();
    report_.entries = outcome_.entries;
    report_.bytes = outcome_.bytes;
    report_.problems = outcome_.problems.texts();
    report_.problem_count = outcome_.problems.count();
    TRY(std::move(done));
    return output_.Flush();
  }

 private:
  Result<> Perform() {
    switch (request_.verb) {
      case RootfsVerb::kStat:
        return Stat();
      case RootfsVerb::kPack:
        return Pack();
      case RootfsVerb::kExtract:
        return Extract();
      case RootfsVerb::kExport:
        return Export();
      case RootfsVerb::kListChanges:
        return ListChanges();
      case RootfsVerb::kPackChanges:
        return PackChanges();
      case RootfsVerb::kRecompress:
        return Recompress();
    }
    return {};
  }

  Result<TreePlace> FindPath() const {
    return Locate(request_.path, request_.follow_link ? LastLink::kFollow : LastLink::kKeep);
  }

  Result<> Stat() {
    TreePlace place = TRY(FindPath());
    struct stat status;
    if (fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
      return SystemError("stat", request_.path);
    report_.mode = status.st_mode;
    report_.size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
    report_.mtime = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    if (!S_ISLNK(status.st_mode)) return {};
    std::string target(PATH_MAX, '\0');
    ssize_t size = readlinkat(place.parent.get(), place.name.c_str(), target.data(), target.size());
    if (size < 0) return SystemError("readlink", request_.path);
    target.resize(static_cast<size_t>(size));
    report_.link_target = std::move(target);
    return {};
  }

  Result<> Pack() {
    TarOutput tar([this](std::string_view piece) { return output_.Write(piece); });
    TreePlace place = TRY(FindPath());
    TRY(TreePacker(tar, outcome_, Unreadable::kSkip)
            .Add(place.parent.get(), place.name, request_.archive_name));
    return tar.Finish();
  }

  Result<> Export() {
    TarOutput tar([this](std::string_view piece) { return output_.Write(piece); });
    UniqueFd root = TRY(OpenAt(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    TRY(TreePacker(tar, outcome_, Unreadable::kFail).AddContents(root.get()));
    return tar.Finish();
  }

  Result<> Extract() {
    UniqueFd dir = TRY(OpenWithin(AT_FDCWD, request_.path, O_PATH | O_DIRECTORY));
    std::unique_ptr<images::ChunkStream> input = images::ReadChunks(STDIN_FILENO);
    images::CountedStream compressed(*input);
    std::unique_ptr<images::ChunkStream> plain = TRY(images::Decompress(compressed));
    images::ExpansionLimit limited(*plain, compressed, limits_);
    ExtractOptions options;
    options.owners =
        request_.keep_owners ? ExtractOptions::Owners::kOfArchive : ExtractOptions::Owners::kRoot;
    options.follow_links = true;
    return TreeExtractor(dir.get(), std::move(options), outcome_).Run(limited);
  }

  Result<> ListChanges() {
    ChangeList list(output_);
    return WalkChanges(list, TooDeep::kOmit);  // what follows must not be hidden
  }

  Result<> WalkChanges(ChangeSink& sink, TooDeep too_deep) {
    UniqueFd upper = TRY(OpenAt(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    return LayerChanges(sink, too_deep).Walk(upper.get(), request_.has_base ? kRootfsBaseFd : -1);
  }

  Result<> PackChanges() {
    TarOutput tar([this](std::string_view piece) { return layer_.Write(piece); });
    TreePacker packer(tar, outcome_, Unreadable::kFail);
    ChangeLayer layer(tar, packer);
    TRY(WalkChanges(layer, TooDeep::kFail));
    TRY(tar.Finish());
    report_.diff_id = TRY(layer_.Finish());
    return {};
  }

  Result<> Recompress() {
    std::unique_ptr<images::ChunkStream> input = images::ReadChunks(STDIN_FILENO);
    images::CountedStream compressed(*input);
    std::unique_ptr<images::ChunkStream> plain = TRY(images::Decompress(compressed));
    images::ExpansionLimit limited(*plain, compressed, limits_);
    for (std::string_view piece = TRY(limited.Next()); !piece.empty(); piece = TRY(limited.Next()))
      TRY(layer_.Write(piece));
    report_.diff_id = TRY(layer_.Finish());
    return {};
  }

  const RootfsRequest& request_;
  const images::UnpackLimits limits_;
  Output output_;
  LayerOutput layer_;
  CopyOutcome outcome_;
  RootfsReport& report_;
};

Result<> CarryOut(RootfsReport& report) {
  TRY(EnterPidNamespace());
  // A reader that has left is an error, which is reported.
  signal(SIGPIPE, SIG_IGN);
  // OpenSSL would read its configuration, which can name code to load, when it is first used: by then from
  // the container.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  images::Hasher hasher = TRY(images::Hasher::For({}));
  auto request = TRY(Decode<RootfsRequest>(TRY(ReadSealedMemfd(kRootfsRequestFd, kMostRootfsRequest)),
                                           "request of davit-rootfs"));
  TRY(EnterRootfs(request));
  return Worker(request, std::move(hasher), report).Run();
}

int Main() {
  RootfsReport report;
  if (Result<> done = Guarded("carry out", "request", [&] { return CarryOut(report); }); done)
    report.complete = true;
  else
    report.failure = ToMessage(done.error());
  bool told = WriteAll(kRootfsReportFd, Encode(report), "report").has_value();
  return told && report.complete ? 0 : 1;
}

}  // namespace
}  // namespace davit::local

int main() {
  return davit::local::Main();
}
