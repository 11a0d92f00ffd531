// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/copy.h"

#include <unistd.h>

#include <functional>
#include <utility>

#include "base/file_io.h"
#include "base/guarded.h"
#include "images/unpack/chunk_stream.h"
#include "local/tree/extract_tree.h"
#include "local/tree/locate.h"
#include "local/tree/pack_tree.h"

namespace davit::local {
namespace {

LocalCopy Carry(std::string_view step, const std::function<Result<>(CopyOutcome& outcome)>& work) {
  CopyOutcome outcome;
  LocalCopy copy;
  copy.result = Guarded(step, "files", [&] { return work(outcome); });
  copy.problems = outcome.problems.texts();
  copy.problem_count = outcome.problems.count();
  return copy;
}

}  // namespace

LocalCopy PackPath(const std::string& path, bool follow_link, const std::string& as, int archive_fd) {
  return Carry("archive", [&](CopyOutcome& outcome) -> Result<> {
    TarOutput tar([archive_fd](std::string_view piece) { return WriteAll(archive_fd, piece, "archive"); });
    TreePlace place = TRY(Locate(path, follow_link ? LastLink::kFollow : LastLink::kKeep));
    TRY(TreePacker(tar, outcome, Unreadable::kSkip).Add(place.parent.get(), place.name, as));
    return tar.Finish();
  });
}

LocalCopy ExtractArchive(int archive_fd, int dir_fd, bool keep_owners) {
  return Carry("extract", [&](CopyOutcome& outcome) {
    ExtractOptions options;
    options.owners =
        keep_owners && geteuid() == 0 ? ExtractOptions::Owners::kOfArchive : ExtractOptions::Owners::kOwn;
    options.make_devices = false;  // a container's would be devices of the host, for whoever may open them
    std::unique_ptr<images::ChunkStream> archive = images::ReadChunks(archive_fd);
    return TreeExtractor(dir_fd, std::move(options), outcome).Run(*archive);
  });
}

}  // namespace davit::local
