"""Operations of TensorFlow that the graph of a commentary may have.

They compute from their inputs, and from variables and tables that the graph holds.
What reaches files, devices, other processes or the network, prints, or runs Python is
not here, nor is what no layer needs.
"""

_NAMES = {
    "Variables, functions and control flow": """
    Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp Case CheckNumerics
    CheckNumericsV2 Const DestroyResourceOp DisableCopyOnRead EmptyTensorList
    EnsureShape Enter Exit FakeParam Identity IdentityN If LoopCond Merge
    NextIteration NoOp PartitionedCall Placeholder PlaceholderV2
    PlaceholderWithDefault PreventGradient ReadVariableOp ResourceGather
    ResourceGatherNd ResourceScatterAdd ResourceScatterDiv ResourceScatterMax
    ResourceScatterMin ResourceScatterMul ResourceScatterNdAdd ResourceScatterNdMax
    ResourceScatterNdMin ResourceScatterNdSub ResourceScatterNdUpdate
    ResourceScatterSub ResourceScatterUpdate ResourceStridedSliceAssign
    StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile StopGradient
    Switch TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3
    TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3
    TensorArrayV3 TensorArrayWriteV3 TensorListConcat TensorListConcatLists
    TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
    TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
    TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter
    TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem
    TensorListSplit TensorListStack ToBool VarHandleOp VarIsInitializedOp
    VariableShape While
    """,
    "Tables whose entries the graph holds": """
    AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable
    AnonymousMutableHashTableOfTensors HashTableV2 InitializeTableV2
    LookupTableExportV2 LookupTableFindV2 LookupTableImportV2 LookupTableInsertV2
    LookupTableRemoveV2 LookupTableSizeV2 MutableDenseHashTableV2
    MutableHashTableOfTensors MutableHashTableOfTensorsV2 MutableHashTableV2
    """,
    "Strings and tf.Examples": """
    AsString DecodeBase64 DecodeCSV DecodePaddedRaw DecodeRaw EditDistance
    EncodeBase64 Fingerprint ParseExample ParseExampleV2 ParseSequenceExample
    ParseSequenceExampleV2 ParseSingleExample ParseSingleSequenceExample ParseTensor
    ReduceJoin RegexFullMatch RegexReplace SerializeTensor StaticRegexFullMatch
    StaticRegexReplace StringFormat StringJoin StringLength StringLower StringNGrams
    StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast
    StringToHashBucketStrong StringToNumber StringUpper Substr UnicodeDecode
    UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript UnicodeTranscode
    UnsortedSegmentJoin
    """,
    "Images and sounds in memory": """
    AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation AudioSpectrogram
    CombinedNonMaxSuppression CropAndResize CropAndResizeGradBoxes
    CropAndResizeGradImage DecodeAndCropJpeg DecodeBmp DecodeGif DecodeImage
    DecodeJpeg DecodePng DecodeWav DecodeWebP ExtractGlimpse ExtractGlimpseV2
    ExtractImagePatches ExtractJpegShape ExtractVolumePatches HSVToRGB
    ImageProjectiveTransformV2 ImageProjectiveTransformV3 Mfcc MirrorPad MirrorPadGrad
    NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4
    NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps RGBToHSV ResizeArea
    ResizeBicubic ResizeBicubicGrad ResizeBilinear ResizeBilinearGrad
    ResizeNearestNeighbor ResizeNearestNeighborGrad ScaleAndTranslate
    ScaleAndTranslateGrad
    """,
    "Random numbers": """
    Multinomial ParameterizedTruncatedNormal RandomGamma RandomGammaGrad
    RandomIndexShuffle RandomPoissonV2 RandomShuffle RandomStandardNormal
    RandomUniform RandomUniformInt RngReadAndSkip RngSkip StatefulRandomBinomial
    StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal
    StatefulUniform StatefulUniformFullInt StatefulUniformInt StatelessMultinomial
    StatelessParameterizedTruncatedNormal StatelessRandomBinomial
    StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomGetAlg
    StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
    StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
    StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2
    StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2
    TruncatedNormal
    """,
    "Sparse and ragged tensors, and counts": """
    Bincount Bucketize DenseBincount DenseCountSparseOutput DenseToDenseSetOperation
    DenseToSparseSetOperation DeserializeManySparse DeserializeSparse
    HistogramFixedWidth RaggedBincount RaggedCountSparseOutput RaggedCross
    RaggedFillEmptyRows RaggedFillEmptyRowsGrad RaggedGather RaggedRange
    RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor
    RaggedTensorToVariant RaggedTensorToVariantGradient SerializeManySparse
    SerializeSparse SetSize SparseAdd SparseAddGrad SparseBincount SparseConcat
    SparseCountSparseOutput SparseCross SparseCrossHashed SparseCrossV2
    SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseFillEmptyRows
    SparseFillEmptyRowsGrad SparseMatMul SparseReduceMax SparseReduceMaxSparse
    SparseReduceSum SparseReduceSumSparse SparseReorder SparseReshape
    SparseSegmentMean SparseSegmentMeanGrad SparseSegmentMeanGradV2
    SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNGrad
    SparseSegmentSqrtNGradV2 SparseSegmentSqrtNWithNumSegments SparseSegmentSum
    SparseSegmentSumGrad SparseSegmentSumGradV2 SparseSegmentSumWithNumSegments
    SparseSlice SparseSliceGrad SparseSoftmax SparseSoftmaxCrossEntropyWithLogits
    SparseSparseMaximum SparseSparseMinimum SparseSplit SparseTensorDenseAdd
    SparseTensorDenseMatMul SparseToDense SparseToSparseSetOperation
    """,
    "Quantization": """
    Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsGradient
    FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxVarsPerChannelGradient
    QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
    QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad QuantizeV2
    """,
    "Linear algebra and signals": """
    BandedTriangularSolve BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky
    CholeskyGrad Cross Diag DiagPart Eig Einsum FFT FFT2D FFT3D FFTND IFFT IFFT2D
    IFFT3D IFFTND IRFFT IRFFT2D IRFFT3D IRFFTND L2Loss LogMatrixDeterminant Lu MatMul
    MatrixBandPart MatrixDeterminant MatrixDiagPartV3 MatrixDiagV3 MatrixInverse
    MatrixLogarithm MatrixSetDiagV3 MatrixSolve MatrixSolveLs MatrixSquareRoot
    MatrixTriangularSolve Qr RFFT RFFT2D RFFT3D RFFTND SelfAdjointEigV2 Svd
    TridiagonalMatMul TridiagonalSolve
    """,
    "Layers": """
    AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BatchToSpace BatchToSpaceND BiasAdd
    BiasAddGrad CTCBeamSearchDecoder CTCGreedyDecoder CTCLossV2 Conv Conv2D
    Conv2DBackpropFilter Conv2DBackpropFilterV2 Conv2DBackpropInput
    Conv2DBackpropInputV2 Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 CudnnRNN
    CudnnRNNCanonicalToParams CudnnRNNCanonicalToParamsV2 CudnnRNNParamsSize
    CudnnRNNParamsToCanonical CudnnRNNParamsToCanonicalV2 CudnnRNNV2 CudnnRNNV3
    DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter
    DepthwiseConv2dNativeBackpropInput Dilation2D Dilation2DBackpropFilter
    Dilation2DBackpropInput Elu EluGrad FractionalAvgPool FractionalAvgPoolGrad
    FractionalMaxPool FractionalMaxPoolGrad FusedBatchNorm FusedBatchNormGrad
    FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2 FusedBatchNormV3 InTopK
    InTopKV2 LRN LRNGrad LeakyRelu LeakyReluGrad LogSoftmax MaxPool MaxPool3D
    MaxPool3DGrad MaxPool3DGradGrad MaxPoolGrad MaxPoolGradGrad MaxPoolGradGradV2
    MaxPoolGradGradWithArgmax MaxPoolGradV2 MaxPoolGradWithArgmax MaxPoolV2
    MaxPoolWithArgmax NthElement Relu Relu6 Relu6Grad ReluGrad Selu SeluGrad Sigmoid
    SigmoidGrad Softmax SoftmaxCrossEntropyWithLogits Softplus SoftplusGrad Softsign
    SoftsignGrad SpaceToBatch SpaceToBatchND SpaceToDepth Tanh TanhGrad TopK TopKV2
    """,
    "Arrays and numbers": """
    Abs AccumulateNV2 Acos Acosh Add AddN AddV2 All Angle Any ApproximateEqual ArgMax
    ArgMin Asin Asinh Atan Atan2 Atanh BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0
    BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc Bitcast
    BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastGradientArgs BroadcastTo
    Cast Ceil ClipByValue Complex ComplexAbs ConcatOffset ConcatV2 Conj
    ConjugateTranspose Cos Cosh Cumprod Cumsum CumulativeLogsumexp DataFormatDimMap
    DataFormatVecPermute Dawsn Digamma Div DivNoNan DynamicPartition DynamicStitch
    Equal Erf Erfc Erfinv EuclideanNorm Exp ExpandDims Expint Expm1 Fill Floor
    FloorDiv FloorMod FresnelCos FresnelSin Gather GatherNd GatherV2 Greater
    GreaterEqual Igamma IgammaGradA Igammac Imag Invert InvertPermutation IsFinite
    IsInf IsNan IsotonicRegression LeftShift Less LessEqual Lgamma LinSpace ListDiff
    Log Log1p LogicalAnd LogicalNot LogicalOr LowerBound Max Maximum Mean Min Minimum
    Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual OneHot OnesLike Pack Pad PadV2
    ParallelDynamicStitch Polygamma PopulationCount Pow Prod Range Rank Real RealDiv
    Reciprocal ReciprocalGrad Reshape Reverse ReverseSequence ReverseV2 RightShift
    Rint Roll Round Rsqrt RsqrtGrad ScatterNd ScatterNdNonAliasingAdd SegmentMax
    SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2
    SegmentSum SegmentSumV2 Select SelectV2 Shape ShapeN Sign Sin Sinh Size Slice
    SobolSample Spence Split SplitV Sqrt SqrtGrad Square SquaredDifference Squeeze
    StridedSlice StridedSliceAssign StridedSliceGrad Sub Sum Tan TensorScatterAdd
    TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate
    TensorStridedSliceUpdate Tile TileGrad Transpose TruncateDiv TruncateMod Unique
    UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum
    UpperBound Where Xdivy Xlog1py Xlogy ZerosLike Zeta
    """,
}
OPERATIONS = frozenset(" ".join(_NAMES.values()).split())
