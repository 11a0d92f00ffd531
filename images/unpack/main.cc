// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-unpack: fills the directory on descriptor 3 with the layer that comes on descriptor 0, reports on 4
// and writes its notes to 5 (images/unpack_report.h). Started by the daemon only, once per layer.
#include <openssl/crypto.h>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/guarded.h"
#include "base/pid_namespace.h"
#include "images/digest.h"
#include "images/unpack/chunk_stream.h"
#include "images/unpack/confine.h"
#include "images/unpack/decompress.h"
#include "images/unpack/expansion_limit.h"
#include "images/unpack/layer_writer.h"
#include "images/unpack/notes_writer.h"
#include "images/unpack/read_ahead.h"
#include "images/unpack/tar_reader.h"
#include "images/unpack_report.h"

namespace davit::images {
namespace {

// Digests all that passes.
class DigestedStream : public ChunkStream {
 public:
  DigestedStream(ChunkStream& input, Hasher& hasher) : input_(input), hasher_(hasher) {}

  Result<std::string_view> Next() override {
    std::string_view piece = TRY(input_.Next());
    hasher_.Update(piece);
    return piece;
  }

 private:
  ChunkStream& input_;
  Hasher& hasher_;
};

// Input and decompression with its digest run in a thread each, the files are written in this one.
Result<> UnpackStream(int root_fd, UnpackReport& report, Hasher hasher) {
  UnpackLimits limits;
  std::unique_ptr<ChunkStream> input = ReadChunks(kUnpackInputFd);
  CountedStream compressed(*input);
  std::unique_ptr<ChunkStream> plain = TRY(Decompress(compressed));
  ExpansionLimit limited(*plain, compressed, limits);
  std::unique_ptr<ChunkStream> inflated_ahead = ReadAhead(limited);
  DigestedStream digested(*inflated_ahead, hasher);
  {
    std::unique_ptr<ChunkStream> ahead = ReadAhead(digested);
    TarReader reader(*ahead, limits);
    LayerWriter writer(root_fd, limits);
    while (std::optional<TarEntry> entry = TRY(reader.Next())) TRY(writer.Apply(*entry, reader));
    TRY(reader.Drain());
    TRY(writer.Finish(report));
    SpaceReserve space(root_fd);
    TRY(WriteNotes(kUnpackNotesFd, writer.TakeNotes(), space));
  }
  report.diff_id = hasher.Finish();
  return {};
}

Result<> Unpack(UnpackReport& report) {
  TRY(EnterPidNamespace());
  // OpenSSL would read its configuration, which can name code to load, when it is first used: by then from
  // the layer.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  Hasher hasher = TRY(Hasher::For({}));
  UniqueFd root = TRY(Confine(kUnpackLayerFd, kUnpackReportFd));
  return UnpackStream(root.get(), report, std::move(hasher));
}

int Main() {
  UnpackReport report;
  if (auto result = Guarded("unpack", "layer", [&] { return Unpack(report); }); result) {
    report.complete = true;
  } else {
    report = {};
    report.failure = ToMessage(result.error());
  }
  bool told = WriteAll(kUnpackReportFd, Encode(report), "report").has_value();
  return told && report.complete ? 0 : 1;
}

}  // namespace
}  // namespace davit::images

int main() {
  return davit::images::Main();
}
