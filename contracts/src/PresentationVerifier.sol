// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Groth16} from "./Groth16.sol";
import {IssuerRegistry} from "./IssuerRegistry.sol";
import {PolicyWord} from "./PolicyWord.sol";
import {PoseidonT2} from "./PoseidonT2.sol";

/// @title Presentations checked on chain, once per holder and scope, and their withdrawal.
/// @dev The contract rebuilds every public input from the policy, the registry and the clock, as docs/statement.md,
/// section 2, asks of a verifier. The presenter gives the nullifier, the time, the root and what it discloses.
contract PresentationVerifier is Groth16 {
    /// @notice Where an operand of a policy comes from.
    enum OperandMode {
        // The policy.
        Fixed,
        // The presenter, for a slot by which the claim must equal it. In the policy it is 0.
        Disclosed,
        // The day of the presentation's time, in days since 1900-01-01, plus the policy's operand, which is a signed
        // number of days in two's complement.
        Day
    }

    /// @notice What is asked, of whom it is counted, and how old proofs and roots may be (seconds).
    struct Policy {
        uint256 scope;
        uint256 word;
        uint256[8] operands;
        OperandMode[8] modes;
        uint256[8] set;
        uint32 maxAge;
        uint32 rootGrace;
    }

    /// @param now_ the time that the proof is for, in Unix seconds.
    /// @param subject whom the presentation is for: a contract that presents names its own caller, an account itself.
    /// @param disclosed the operands of mode Disclosed, in the slots' order.
    /// @param proof A, B, C as the precompiles take them: of a coordinate in G2 the imaginary part first.
    struct Presentation {
        bytes32 policyId;
        uint256 registryRoot;
        uint256 nullifier;
        uint40 now_;
        address subject;
        uint256[] disclosed;
        uint256[8] proof;
    }

    enum NullifierState {
        Unused,
        Presented,
        Withdrawn
    }

    /// @param subject for whom it was presented; 0 if it was not.
    /// @param presentedAt Unix seconds; 0 if it was not presented.
    /// @param withdrawnAt Unix seconds; 0 if it was not withdrawn.
    struct NullifierStatus {
        NullifierState state;
        address subject;
        uint40 presentedAt;
        uint40 withdrawnAt;
    }

    /// @dev Of a policy what a presentation needs: its part of the sum over the inputs, and the rest in one word.
    struct PreparedPolicy {
        uint256 fixedSumX;
        uint256 fixedSumY;
        uint32 maxAge;
        uint32 rootGrace;
        // Two bits a slot.
        uint16 modes;
        // Sixteen bits a slot, two's complement.
        uint128 dayOffsets;
    }

    struct NullifierRecord {
        address subject;
        uint40 presentedAt;
        uint40 withdrawnAt;
    }

    /// @notice How far ahead of the block's a presentation's time may be, in seconds.
    uint256 public constant MAX_SKEW = 60;
    /// @notice The most days by which an operand may differ from the day, either way: the result is never negative.
    int256 public constant MAX_DAY_OFFSET = int256(EPOCH_DAY);

    // Public inputs, by index.
    uint256 private constant REGISTRY_ROOT = 0;
    uint256 private constant NULLIFIER = 1;
    uint256 private constant SCOPE = 2;
    uint256 private constant CONTEXT = 3;
    uint256 private constant NOW = 4;
    uint256 private constant POLICY_WORD = 5;
    uint256 private constant OPERANDS = 6;
    uint256 private constant SET = OPERANDS + PolicyWord.SLOTS;
    uint256 private constant PUBLIC_INPUTS = SET + PolicyWord.SLOTS;

    /// The context's domain and, before it, its length.
    bytes25 private constant CONTEXT_DOMAIN = "\x00\x17attestry/ledger-call/v1";
    /// Days from 1900-01-01 to 1970-01-01.
    uint256 private constant EPOCH_DAY = 25_567;
    uint256 private constant MODE_BITS = 2;
    uint256 private constant OFFSET_BITS = 16;

    /// @notice Whose roots are accepted.
    IssuerRegistry public immutable registry;
    /// @notice The hash from a withdrawal key to its nullifier.
    PoseidonT2 public immutable poseidon;
    /// @notice The block from which this contract's events are to be read.
    uint256 public immutable deploymentBlock;

    mapping(bytes32 => PreparedPolicy) private _policies;
    mapping(uint256 => NullifierRecord) private _nullifiers;

    event PolicyRegistered(bytes32 indexed policyId, Policy policy);
    event Presented(bytes32 indexed policyId, uint256 indexed nullifier, address indexed subject, uint256[] disclosed);
    event Withdrawn(uint256 indexed nullifier);

    error MaxAgeIsZero();
    error NotDisclosable(uint256 slot);
    error OperandNotZero(uint256 slot);
    error OperandOutOfRange(uint256 slot);
    error UnknownPolicy(bytes32 policyId);
    error PresentationTooOld(uint256 time, uint256 earliest);
    error PresentationInFuture(uint256 time, uint256 latest);
    error StaleRoot(uint256 root);
    error NullifierAlreadyUsed(uint256 nullifier);
    error NullifierWithdrawn(uint256 nullifier);
    error DisclosedCountMismatch(uint256 count, uint256 expected);
    error InvalidProof();
    error WithdrawalKeyTooLarge();

    /// @param verifyingKey of the presentation circuit, in the layout of {Groth16}.
    constructor(IssuerRegistry registry_, PoseidonT2 poseidon_, bytes memory verifyingKey)
        Groth16(verifyingKey, PUBLIC_INPUTS)
    {
        registry = registry_;
        poseidon = poseidon_;
        deploymentBlock = block.number;
    }

    /// @notice Makes a policy known, for everyone. Doing so again changes nothing.
    /// @return policyId keccak256 of the policy's ABI encoding.
    function registerPolicy(Policy calldata policy) external returns (bytes32 policyId) {
        policyId = keccak256(abi.encode(policy));
        if (isRegistered(policyId)) return policyId;
        if (policy.maxAge == 0) revert MaxAgeIsZero();
        PolicyWord.requireValid(policy.word);
        _policies[policyId] = _prepare(policy);
        emit PolicyRegistered(policyId, policy);
    }

    /// @notice Checks a presentation and uses its nullifier up.
    function present(Presentation calldata presentation) external {
        check(presentation);
        uint256 nullifier = presentation.nullifier;
        address subject = presentation.subject;
        _nullifiers[nullifier] = NullifierRecord(subject, uint40(block.timestamp), 0);
        emit Presented(presentation.policyId, nullifier, subject, presentation.disclosed);
    }

    /// @notice Withdraws what was, or would be, presented under the nullifier of a key: it is refused from now on.
    /// Anyone may send it, since nobody but the holder knows the key before. Doing so again changes nothing.
    /// @param key the withdrawal key t, of which the nullifier is the Poseidon hash.
    function withdraw(uint256 key) external returns (uint256 nullifier) {
        if (key >= SCALAR_MODULUS) revert WithdrawalKeyTooLarge();
        nullifier = poseidon.hash([key]);
        NullifierRecord storage record = _nullifiers[nullifier];
        if (record.withdrawnAt != 0) return nullifier;
        record.withdrawnAt = uint40(block.timestamp);
        emit Withdrawn(nullifier);
    }

    /// @notice What has become of a nullifier.
    function statusOf(uint256 nullifier) external view returns (NullifierStatus memory status) {
        NullifierRecord memory record = _nullifiers[nullifier];
        status.subject = record.subject;
        status.presentedAt = record.presentedAt;
        status.withdrawnAt = record.withdrawnAt;
        if (record.withdrawnAt != 0) status.state = NullifierState.Withdrawn;
        else if (record.presentedAt != 0) status.state = NullifierState.Presented;
    }

    /// @notice Reverts, for the reason, unless the caller could present this now.
    function check(Presentation calldata presentation) public view {
        PreparedPolicy memory policy = _policies[presentation.policyId];
        if (policy.maxAge == 0) revert UnknownPolicy(presentation.policyId);
        _requireRecent(presentation.now_, policy.maxAge);
        _requireUnused(presentation.nullifier);
        if (!registry.isFresh(presentation.registryRoot, policy.rootGrace)) {
            revert StaleRoot(presentation.registryRoot);
        }
        if (!_isValid(_sum(presentation, policy), presentation.proof)) revert InvalidProof();
    }

    function isRegistered(bytes32 policyId) public view returns (bool) {
        return _policies[policyId].maxAge != 0;
    }

    /// @notice The context that a proof must have for `caller` to present it for `subject`, here and nowhere else:
    /// SHA-256 over the length-prefixed domain, chain id (32 bytes), this contract, caller and subject (20 each), cut
    /// to 31 bytes.
    function contextOf(address caller, address subject) public view returns (uint256) {
        bytes memory call = abi.encodePacked(CONTEXT_DOMAIN, block.chainid, address(this), caller, subject);
        return uint256(sha256(call)) >> 8;
    }

    function _requireRecent(uint256 time, uint256 maxAge) private view {
        if (time + maxAge < block.timestamp) revert PresentationTooOld(time, block.timestamp - maxAge);
        uint256 latest = block.timestamp + MAX_SKEW;
        if (time > latest) revert PresentationInFuture(time, latest);
    }

    function _requireUnused(uint256 nullifier) private view {
        NullifierRecord memory record = _nullifiers[nullifier];
        if (record.withdrawnAt != 0) revert NullifierWithdrawn(nullifier);
        if (record.presentedAt != 0) revert NullifierAlreadyUsed(nullifier);
    }

    /// @dev The policy's part of the sum, and the inputs that it does not fix.
    function _sum(Presentation calldata presentation, PreparedPolicy memory policy)
        private
        view
        returns (Sum memory sum)
    {
        (sum.x, sum.y) = (policy.fixedSumX, policy.fixedSumY);
        _add(sum, REGISTRY_ROOT, presentation.registryRoot);
        _add(sum, NULLIFIER, presentation.nullifier);
        _add(sum, CONTEXT, contextOf(msg.sender, presentation.subject));
        _add(sum, NOW, presentation.now_);
        uint256[] calldata disclosed = presentation.disclosed;
        uint256 used;
        uint256 slot;
        for (uint256 modes = policy.modes; modes != 0; modes >>= MODE_BITS) {
            uint256 mode = modes & ((1 << MODE_BITS) - 1);
            if (mode == uint256(OperandMode.Disclosed)) {
                if (used < disclosed.length) _add(sum, OPERANDS + slot, disclosed[used]);
                ++used;
            } else if (mode == uint256(OperandMode.Day)) {
                int256 offset = int16(uint16(policy.dayOffsets >> (OFFSET_BITS * slot)));
                uint256 day = EPOCH_DAY + uint256(presentation.now_) / 1 days;
                _add(sum, OPERANDS + slot, uint256(int256(day) + offset));
            }
            ++slot;
        }
        if (used != disclosed.length) revert DisclosedCountMismatch(disclosed.length, used);
    }

    function _prepare(Policy calldata policy) private view returns (PreparedPolicy memory prepared) {
        Sum memory sum = _emptySum();
        _add(sum, SCOPE, policy.scope);
        _add(sum, POLICY_WORD, policy.word);
        for (uint256 slot = 0; slot < PolicyWord.SLOTS; ++slot) {
            _add(sum, SET + slot, policy.set[slot]);
            uint256 operand = policy.operands[slot];
            OperandMode mode = policy.modes[slot];
            if (mode == OperandMode.Fixed) {
                if (!PolicyWord.isInRange(policy.word, slot, operand, SCALAR_MODULUS)) revert OperandOutOfRange(slot);
                _add(sum, OPERANDS + slot, operand);
            } else if (mode == OperandMode.Disclosed) {
                if (!PolicyWord.isDemandedEquality(policy.word, slot)) revert NotDisclosable(slot);
                if (operand != 0) revert OperandNotZero(slot);
            } else {
                int256 offset = int256(operand);
                if (offset < -MAX_DAY_OFFSET || offset > MAX_DAY_OFFSET) revert OperandOutOfRange(slot);
                prepared.dayOffsets |= uint128(uint16(int16(offset))) << uint128(OFFSET_BITS * slot);
            }
            prepared.modes |= uint16(uint256(mode) << (MODE_BITS * slot));
        }
        (prepared.fixedSumX, prepared.fixedSumY) = (sum.x, sum.y);
        (prepared.maxAge, prepared.rootGrace) = (policy.maxAge, policy.rootGrace);
    }
}
